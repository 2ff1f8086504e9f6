/** Placeholder of `matrix schema`; its real implementation replaces this file. */
import type { Io } from './io.ts'

export interface SchemaOptions {
  readonly project?: string
  readonly name?: string
  readonly write?: boolean
}

export async function runSchema(_options: SchemaOptions, io: Io): Promise<number> {
  io.stderr('matrix: schema is not there yet\n')
  return 70
}
