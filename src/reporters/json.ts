/** The record itself. */
import type { RunRecord } from '../model/run-record.ts'

export const renderJson = (run: RunRecord): string => `${JSON.stringify(run, null, 2)}\n`
