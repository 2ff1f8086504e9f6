/** Placeholder of `matrix init`; its real implementation replaces this file. */
import type { Io } from './io.ts'

export interface InitOptions {
  readonly project?: string
}

export async function runInit(_options: InitOptions, io: Io): Promise<number> {
  io.stderr('matrix: init is not there yet\n')
  return 70
}
