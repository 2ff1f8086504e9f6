/** Takes secrets out of what is kept and shown, in every spelling in which a record may hold them. */
import { oneLine, printable } from '../lib/printable.ts'

const mark = '[secret]'

/** So long a line of a secret, or the beginning of one, is telling; a shorter one is a bracket or a word. */
const tellingChars = 4

interface Hidden {
  readonly pattern: RegExp
  /** The longest first, since one may begin another. */
  readonly spellings: readonly string[]
}

const known = new WeakMap<readonly string[], Hidden>()

/** Takes secret values out of a text. What was taken out before stays as it is. */
export function redact(text: string, secrets: readonly string[]): string {
  const { pattern, spellings } = hiddenOf(secrets)
  if (spellings.length === 0) return text
  return text
    .replace(pattern, mark)
    .split('…')
    .map((piece, index, pieces) => (index < pieces.length - 1 ? withoutBeginning(piece, spellings) : piece))
    .join('…')
}

/** The same in every text of a value and in the names of its members. */
export function redactJson<T>(value: T, secrets: readonly string[]): T {
  const hide = (part: unknown): unknown => {
    if (typeof part === 'string') return redact(part, secrets)
    if (Array.isArray(part)) return part.map(hide)
    if (part === null || typeof part !== 'object') return part
    return Object.fromEntries(Object.entries(part).map(([name, entry]) => [redact(name, secrets), hide(entry)]))
  }
  return hide(value) as T
}

/** A build may print the address of a proxy or a registry, with the user and the password in it. */
export function withoutCredentials(text: string): string {
  return text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, `$1${mark}@`)
}

function hiddenOf(secrets: readonly string[]): Hidden {
  const found = known.get(secrets)
  if (found !== undefined) return found
  const spellings = [...new Set(secrets.flatMap(partsOf).flatMap(spellingsOf))]
    .filter((spelling) => spelling !== '')
    .toSorted((a, b) => b.length - a.length)
  const pattern = new RegExp([mark, ...spellings].map(literally).join('|'), 'g')
  const hidden = { pattern, spellings }
  known.set(secrets, hidden)
  return hidden
}

/** A log and a message tell a text of several lines line by line. */
function partsOf(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim())
  return [secret, secret.trim(), ...lines.filter((line) => line.length >= tellingChars)]
}

/** A message quotes a value as JSON does, or tells it on one line; an address holds it percent-encoded. */
const spellingsOf = (text: string): readonly string[] => {
  const plain = [text, JSON.stringify(text).slice(1, -1)]
  return [
    ...plain,
    ...plain.map(printable),
    ...plain.map((one) => oneLine(one, Number.POSITIVE_INFINITY)),
    encodeURIComponent(text),
  ]
}

/** A message that is cut may end with the beginning of a secret. */
function withoutBeginning(piece: string, spellings: readonly string[]): string {
  for (const spelling of spellings) {
    for (let length = Math.min(spelling.length, piece.length); length >= tellingChars; length--) {
      if (piece.endsWith(spelling.slice(0, length))) return `${piece.slice(0, -length)}${mark}`
    }
  }
  return piece
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
