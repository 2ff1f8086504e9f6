/** `matrix validate`: every mistake in the files at once; starts nothing. */
import { loadProject } from '../config/load.ts'
import { renderDiagnostic } from '../config/render-diagnostic.ts'
import { counted } from '../lib/counted.ts'
import { exitCodes } from '../model/verdict.ts'
import type { Io } from './io.ts'

export interface ValidateOptions {
  readonly project?: string
  readonly json?: boolean
}

export async function runValidate(options: ValidateOptions, io: Io): Promise<number> {
  const loaded = await loadProject(options.project ?? io.cwd, { env: io.env })
  const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics
  if (options.json === true) {
    io.stdout(`${JSON.stringify({ ok: loaded.ok, diagnostics }, null, 2)}\n`)
    return loaded.ok ? exitCodes.green : exitCodes.usage
  }
  for (const diagnostic of diagnostics) io.stderr(`${renderDiagnostic(diagnostic, { color: io.color })}\n\n`)
  if (!loaded.ok) {
    const count = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length
    io.stderr(`${counted(count, 'mistake')}\n`)
    return exitCodes.usage
  }
  const { rows, environments } = loaded.project
  io.stdout(`valid: ${counted(rows.length, 'stack')} × ${counted(environments.length, 'environment')}\n`)
  return exitCodes.green
}
