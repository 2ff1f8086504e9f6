/** What a stack can ask for so that a cause ends without a change to the environment, tried before it is recommended. */
import type { Constraints } from '../model/constraint.ts'
import type { Environment, Project, StackRow } from '../model/project.ts'
import type { RemedyRecord } from '../model/run-record.ts'
import { type Answer, alike, type FoundCause, type Likeness } from './probe.ts'

/** Constraint keys that a stack may ask for. */
export interface Asks extends Pick<Constraints, 'tmpfs' | 'cap_add' | 'init'> {
  /** Folders that are volumes: unlike a tmpfs they begin with what the image has there. */
  readonly volumes?: readonly string[]
}

export interface PatchOptions {
  readonly row: StackRow
  readonly environment: Environment
  readonly cause: FoundCause
  /** Runs the cell with these asks, the other causes lifted; null: nothing is tried. */
  readonly run: ((asks: Asks) => Promise<Answer>) | null
}

/** More places to write to than this are better mended in the program. */
const mostRounds = 6
const likeness: Likeness = 'signature'

/** Null where the stack can ask for nothing that would help, or where what was tried does not. */
export async function patchOf(options: PatchOptions): Promise<RemedyRecord['patch']> {
  const { row } = options
  const found = await findAsks(options)
  return found === null ? null : { file: fileOf(row), yaml: render(row, found.asks), passes: found.passes }
}

/** As `patchOf`; `passes` null: nothing was tried. */
export async function findAsks(
  options: PatchOptions,
): Promise<{ readonly asks: Asks; readonly passes: true | null } | null> {
  const { cause, run } = options
  let answer: Answer = cause.failure.answer
  let asks: Asks = {}
  for (let round = 0; round < mostRounds; round++) {
    const more = askFor(answer, asks, options) ?? withContent(asks)
    if (more === null) return null
    asks = more
    if (run === null) return { asks, passes: null }
    const next = await run(asks)
    if (next.outcome === 'pass') return { asks, passes: true }
    if (alike(next, answer, likeness) && next.clues === answer.clues) return null
    answer = next
  }
  return null
}

const fileOf = (row: StackRow): string => `stacks/${row.base}/stack.yaml`

/** What is asked for so far and what this failure speaks for; null where that is nothing new. */
function askFor(answer: Answer, asks: Asks, { cause, environment, row }: PatchOptions): Asks | null {
  const { constraints } = cause
  if (constraints.includes('read_only')) {
    const folder = unwritableFolder(`${answer.message ?? ''}\n${answer.clues}`)
    if (folder === null || asks.tmpfs?.[folder] !== undefined || asks.volumes?.includes(folder)) return null
    return { ...asks, tmpfs: { ...asks.tmpfs, [folder]: '' } }
  }
  const capability = constraints.map((atom) => /^cap_drop:(.+)$/.exec(atom)?.[1]).find((name) => name !== undefined)
  if (capability !== undefined) {
    const asked = asks.cap_add ?? []
    if (!environment.allow.cap_add.includes(capability) || asked.includes(capability)) return null
    return { ...asks, cap_add: [...asked, capability] }
  }
  if (answer.stage === 'stop' && row.service.constraints.init !== true && asks.init !== true) {
    return { ...asks, init: true }
  }
  return null
}

/** The last tmpfs as a volume, where it may be what the image has there that is missing; null where there is none. */
function withContent({ tmpfs = {}, volumes = [], ...asks }: Asks): Asks | null {
  const folder = Object.keys(tmpfs).at(-1)
  if (folder === undefined) return null
  const { [folder]: _, ...others } = tmpfs
  return { ...asks, ...(Object.keys(others).length > 0 ? { tmpfs: others } : {}), volumes: [...volumes, folder] }
}

/** The folder of the path that could not be written to. */
export function unwritableFolder(text: string): string | null {
  if (/no usable temporary directory/i.test(text)) return '/tmp'
  const line = text.split('\n').findLast((one) => /read-only file ?system|EROFS/i.test(one))
  const path = /(?<![\w.])(\/[\w.@+-]+(?:\/[\w.@+-]+)*)(?=["':,) ]|$)/g
  const paths = [...(line ?? '').matchAll(path)].map((match) => match[1] ?? '')
  const written = paths.findLast((one) => !/^\/(bin|usr\/s?bin|sbin|etc\/ld)/.test(one))
  const folder = written?.replace(/\/[^/]+$/, '')
  return folder === undefined || folder === '' ? null : folder
}

function render(row: StackRow, { tmpfs, volumes, cap_add, init }: Asks): string {
  const list = (items: readonly string[]) => `[${items.join(', ')}]`
  const { constraints } = row.service
  const folders = [...Object.entries(constraints.tmpfs ?? {}), ...Object.entries(tmpfs ?? {})].map(([path, mount]) =>
    mount === '' ? path : `"${path}:${mount}"`,
  )
  const named = row.service.volumes.map(({ name, target }) => (name === null ? target : `${name}:${target}`))
  const capabilities = [...(constraints.cap_add ?? []), ...(cap_add ?? [])]
  return [
    'service:',
    ...(tmpfs === undefined ? [] : [`  tmpfs: ${list(folders)}`]),
    ...(volumes === undefined ? [] : [`  volumes: ${list([...named, ...volumes])}`]),
    ...(cap_add === undefined ? [] : [`  cap_add: ${list(capabilities)}`]),
    ...(init === undefined ? [] : [`  init: ${init}`]),
    '',
  ].join('\n')
}

/** The project with the stack asking for more. */
export function withAsks(project: Project, row: StackRow, { volumes = [], ...asks }: Asks): Project {
  const { constraints } = row.service
  const patched: StackRow = {
    ...row,
    service: {
      volumes: [...row.service.volumes, ...volumes.map((target) => ({ name: null, target }))],
      constraints: {
        ...constraints,
        ...asks,
        ...(asks.tmpfs === undefined ? {} : { tmpfs: { ...constraints.tmpfs, ...asks.tmpfs } }),
        ...(asks.cap_add === undefined ? {} : { cap_add: [...(constraints.cap_add ?? []), ...asks.cap_add] }),
      },
    },
  }
  return { ...project, rows: project.rows.map((one) => (one.id === row.id ? patched : one)) }
}
