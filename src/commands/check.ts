/** Placeholder of `matrix check`; its real implementation replaces this file. */
import type { Io } from './io.ts'

export interface CheckOptions {
  readonly project?: string
  readonly cells?: readonly string[]
}

export async function runCheck(_options: CheckOptions, io: Io): Promise<number> {
  io.stderr('matrix: check is not there yet\n')
  return 70
}
