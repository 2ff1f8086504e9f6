/** A log as text with classes: colours are kept, every other thing that a terminal would obey is made visible. */
import Anser from 'anser'
import { printable } from '../../lib/printable.ts'
import { bytes } from './parts.tsx'
import type { LogView } from './view.ts'

/** What is painted beyond this many changes of colour is shown plain: a hostile log has one a character. */
const maxPieces = 2000
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is the beginning of a terminal's sequences
const colour = /\u001b\[[0-9;]*m/g

interface Piece {
  readonly text: string
  readonly classes: string
}

export function piecesOf(text: string): readonly Piece[] {
  const flat = text.replace(/\r+\n/g, '\n')
  if ((flat.match(colour)?.length ?? 0) > maxPieces) return [{ text: printable(flat.replace(colour, '')), classes: '' }]
  return Anser.ansiToJson(flat, { use_classes: true, remove_empty: true }).map((entry) => ({
    text: printable(entry.content),
    // Anser names a decoration again each time that it is asked for: each counts once.
    classes: [...new Set([entry.fg, entry.bg && `${entry.bg}-bg`, ...entry.decorations])]
      .filter(isKnownClass)
      .join(' '),
  }))
}

const known = /^(ansi-(bright-)?(black|red|green|yellow|blue|magenta|cyan|white)(-bg)?|bold|dim|italic|underline)$/
const isKnownClass = (name: string | null): boolean => name !== null && known.test(name)

export const Log = ({ log }: { readonly log: LogView }) => {
  const { name, file, text, cutBytes, open } = log
  return (
    <details class="log" open={open}>
      <summary>
        {printable(name)}
        {cutBytes > 0 ? <span class="note"> {bytes(cutBytes)} cut</span> : null}
      </summary>
      {text === null || text.trim() === '' ? (
        <p class="note">
          {file === null
            ? 'It was not kept.'
            : text === null
              ? 'It is not in this page, but in its file:'
              : 'It is empty.'}
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
        <section class="ansi" tabIndex={0} aria-label={printable(name)}>
          <pre dir="ltr">
            {piecesOf(text).map((piece, index) =>
              piece.classes === '' ? (
                piece.text
              ) : (
                <span key={index} class={piece.classes}>
                  {piece.text}
                </span>
              ),
            )}
          </pre>
        </section>
      )}
      {file === null ? null : (
        <p class="note">
          <a href={file}>{file.slice(0, 21)}…</a>
        </p>
      )}
    </details>
  )
}
