/** What a failure is called wherever it happens: the same cause gives the same signature in every cell. */
import { createHash } from 'node:crypto'

export interface Failure {
  readonly stage: string
  readonly checkKind?: string
  readonly checkName?: string
  readonly reason: string
  readonly message: string
}

/** `s1:` and 12 hex digits. */
export function signatureOf(failure: Failure): string {
  const parts = [
    failure.stage,
    failure.checkKind ?? '',
    failure.checkName ?? '',
    failure.reason,
    normaliseMessage(failure.message),
  ]
  return `s1:${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)}`
}

/**
 * Takes times, ids, addresses and numbers out of a message, which differ from run to run, and what Matrix calls a cell's
 * own objects on an engine and what only some engines tell, which differs from cell to cell.
 */
function normaliseMessage(message: string): string {
  return message
    .replace(/; the workload listens on .*/, '')
    .replace(/\bmatrix-\d{4}-\d\d-\d\d-\d{6}-[0-9a-f]{4}-[a-z0-9-]+\.[a-z0-9-]+/g, '<own>')
    .replace(/\bmatrix-[a-z0-9-]+\/[a-z0-9-]+:[a-z0-9.-]+/g, '<image>')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?/g, '<time>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>')
    .replace(/\b(?:sha256:)?[0-9a-f]{12,64}\b/gi, '<id>')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '<address>')
    .replace(/(?<![\w.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w])/gi, '<address>')
    .replace(/0x[0-9a-f]+/gi, '<n>')
    .replace(/\d+(?:\.\d+)?/g, '<n>')
    .replace(/\s+/g, ' ')
    .trim()
}
