/** Placeholder of `matrix report`; its real implementation replaces this file. */
import type { Io } from './io.ts'

export interface ReportOptions {
  readonly project?: string
  readonly run?: string
  readonly format?: 'html' | 'json' | 'junit'
}

export async function runReport(_options: ReportOptions, io: Io): Promise<number> {
  io.stderr('matrix: report is not there yet\n')
  return 70
}
