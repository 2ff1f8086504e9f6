/** Placeholder of `matrix validate`; its real implementation replaces this file. */
import type { Io } from './io.ts'

export interface ValidateOptions {
  readonly project?: string
  readonly json?: boolean
}

export async function runValidate(_options: ValidateOptions, io: Io): Promise<number> {
  io.stderr('matrix: validate is not there yet\n')
  return 70
}
