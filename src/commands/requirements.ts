/** `matrix requirements`: what a stack needs of any environment, as a table and as constraints. */
import { join, relative } from 'node:path'
import { stringify } from 'yaml'
import {
  findRequirements,
  type NoRequirements,
  type Requirements,
  strictestEnvironment,
  strictestId,
} from '../explain/requirements.ts'
import { systemClock } from '../lib/clock.ts'
import { printable } from '../lib/printable.ts'
import { parseDuration } from '../lib/units.ts'
import type { Project, StackRow } from '../model/project.ts'
import type { RequirementsRecord } from '../model/requirements.ts'
import type { RunRecord } from '../model/run-record.ts'
import { exitCodes } from '../model/verdict.ts'
import { keepRequirements } from '../record/requirements.ts'
import { reportsFolder } from '../record/run-folder.ts'
import { type CheckOptions, type Purpose, runCheck } from './check.ts'
import type { Io } from './io.ts'

export interface RequirementsOptions extends Pick<CheckOptions, 'project' | 'engine' | 'install' | 'bootstrap'> {
  /** The row's id. */
  readonly row: string
  readonly json?: boolean
  /** As written, such as `5m`. */
  readonly budget?: string
}

/** 0: found, and seen to pass at once. 1: the stack fails with no constraint at all. 3: it could not be found out. */
export async function runRequirements(options: RequirementsOptions, io: Io): Promise<number> {
  const budgetMs = parseDuration(options.budget ?? '15m')
  if (budgetMs === null) {
    io.stderr(printable(`matrix: --budget ${options.budget}: a duration is expected, such as 90s, 10m or 1h30m\n`))
    return exitCodes.usage
  }
  let found: Requirements | NoRequirements | undefined
  const purpose: Purpose = {
    change: (project) => ({ ...project, exclusions: [], environments: [strictestEnvironment(rowAt(project))] }),
    reports: join(options.project ?? io.cwd, '.matrix', 'requirements'),
    async afterwards(held, { plan, progress }) {
      const row = plan.rows.find((one): one is StackRow => one.kind === 'stack' && one.id === options.row)
      if (row === undefined) return
      found = await findRequirements({
        project: plan.project,
        row,
        trial: held.trial,
        parallel: await held.cpusOf(strictestId),
        budgetMs,
        clock: systemClock,
        signal: io.signal,
        say: (text) => progress({ type: 'cell-search', cell: row.id, text }),
        onProbe: (probe) => progress({ type: 'cell-probe', cell: row.id, ...probe }),
      })
    },
  }
  const { row, json, budget: _, ...rest } = options
  let run = null as RunRecord | null
  const hear = (ended: RunRecord): null => {
    run = ended
    return null
  }
  const code = await runCheck({ ...rest, stack: [row], env: [strictestId] }, io, hear, purpose)
  if (code === exitCodes.usage || code === exitCodes.interrupted) return code
  if (found === undefined) {
    io.stderr(printable(`matrix: what ${row} needs could not be found out; a stack with an image is expected\n`))
    return exitCodes.trouble
  }
  if (found === 'unobserved') {
    const advice = 'run it again, or look at it with matrix check'
    io.stderr(
      printable(`matrix: with no constraint ${row} could not be observed, so nothing is known of it; ${advice}\n`),
    )
    return exitCodes.trouble
  }
  if (found === 'fails') {
    io.stderr(printable(`matrix: ${row} fails with no constraint at all, so that nothing can be taken from it\n`))
    return exitCodes.failed
  }
  if (run !== null) {
    const path = await keepRequirements(reportsFolder(options.project ?? io.cwd), recordOf(row, found, run))
    io.stderr(printable(`kept in ${relative(io.cwd, path)}, for the report\n`))
  }
  io.stdout(json === true ? `${JSON.stringify(found, null, 2)}\n` : render(row, found))
  return found.complete && found.together === true ? exitCodes.green : exitCodes.trouble
}

function recordOf(row: string, found: Requirements, run: RunRecord): RequirementsRecord {
  const { rows, together, complete } = found
  const engine = run.environments[0]?.engine ?? null
  return {
    schemaVersion: 1,
    row,
    startedAt: run.startedAt,
    imageId: run.stacks.find(({ id }) => id === row)?.image?.id ?? null,
    engine: engine === null ? null : `${engine.name} ${engine.version}, ${engine.kernel} ${engine.arch}`,
    rows,
    together,
    complete,
  }
}

const rowAt = (project: Project) => project.rows[0]?.at ?? { file: 'stacks', line: 1, column: 1, length: 1 }

function render(row: string, found: Requirements): string {
  const width = Math.max(...found.rows.map(({ what }) => what.length))
  const table = found.rows.map(({ what, least }) => `  ${what.padEnd(width)}  ${least}`)
  const together =
    found.together === null
      ? 'All of it at once was not tried.'
      : found.together
        ? 'With all of it at once it passes.'
        : 'Each of it alone passes; all of it at once does not, so that more is needed where all of it holds.'
  const environment = { constraints: written(found), network: { egress: found.egress } }
  const { tmpfs, volumes } = found.asks
  const service = {
    ...(tmpfs === undefined ? {} : { tmpfs: Object.keys(tmpfs) }),
    ...(volumes === undefined ? {} : { volumes }),
  }
  const asks = Object.keys(service).length === 0 ? '' : `\n# in its stack.yaml\n${stringify({ service })}`
  const budget = found.complete ? '' : 'The budget ended before the search did, or something could not be observed.\n'
  return printable(`What ${row} needs\n${table.join('\n')}\n${together}\n${budget}\n${stringify(environment)}${asks}`)
}

/** As compose writes it. */
function written({ constraints }: Requirements): Record<string, unknown> {
  const { mem_limit, security_opt, shm_size, ulimits, ...rest } = constraints
  return {
    ...(mem_limit === undefined ? {} : { mem_limit: `${mem_limit}b` }),
    ...(shm_size === undefined ? {} : { shm_size: `${shm_size}b` }),
    ...rest,
    ...(security_opt === undefined ? {} : { security_opt: security_opt.map(({ text }) => text) }),
    ...(ulimits === undefined
      ? {}
      : { ulimits: Object.fromEntries(Object.entries(ulimits).map(([name, { soft }]) => [name, soft])) }),
  }
}
