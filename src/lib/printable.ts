/** Makes hostile text safe to show on a terminal or in a message. */

/** Other (control, format, surrogate halves) and line separators, but for tab and newline. */
const hidden = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Keeps tabs and newlines; every other control character (C0, C1, DEL) and bidirectional override becomes visible. */
export function printable(text: string): string {
  return text.replace(hidden, (char) => {
    const code = char.codePointAt(0) ?? 0
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `\\u{${code.toString(16)}}`
  })
}

/** `printable` on one line, at most `max` characters, the cut shown by an ellipsis. */
export function oneLine(text: string, max = 200): string {
  const flat = printable(text).replace(/\s+/g, ' ').trim()
  return flat.length <= max ? flat : `${flat.slice(0, max - 1)}…`
}
