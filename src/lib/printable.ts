/** Makes hostile text safe to show on a terminal or in a message. */

/** Keeps tabs and newlines; every other control character (C0, C1, DEL) and bidirectional override becomes visible. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (char) => {
      const code = char.codePointAt(0) ?? 0
      return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `\\u{${code.toString(16)}}`
    },
  )
}

/** `printable` on one line, at most `max` characters, the cut shown by an ellipsis. */
export function oneLine(text: string, max = 200): string {
  const flat = printable(text).replace(/\s+/g, ' ').trim()
  return flat.length <= max ? flat : `${flat.slice(0, max - 1)}…`
}
