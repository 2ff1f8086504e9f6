/** Creates one container of a cell: what it is given, and under which names it is found and removed. */
import type { Clock } from '../lib/clock.ts'
import type { Constraints } from '../model/constraint.ts'
import type { Copy, RunnableCell } from '../model/plan.ts'
import { covers, securityOptionName } from '../plan/atoms.ts'
import { labelsOf, objectName } from './labels.ts'
import type { CellNetwork } from './network/cell-network.ts'
import { networkSysctls } from './network/imposed.ts'
import type { EngineSession } from './session.ts'
import type { Teardown } from './teardown.ts'

export interface CopyContext {
  readonly cell: RunnableCell
  readonly session: EngineSession
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly teardown: Teardown
  /** Null: the cell has none. */
  readonly network: CellNetwork | null
  /** Hears on which machine of a cluster a container of the cell runs. */
  readonly placed: (alias: string, machine: string) => void
  /** Containers of the cell that are there, by alias. */
  readonly created: ReadonlyMap<string, string>
  /** Image id by row. */
  readonly imageOf: (row: string) => string
  readonly secret: (name: string) => string
  readonly redact: readonly string[]
  /** Reports a phase: runs `work`, and records how long it took. */
  readonly phase: <T>(name: string, work: () => Promise<T>) => Promise<T>
}

/** Its volumes first. Rejects with `EngineError`. */
export async function createCopy(copy: Copy, context: CopyContext): Promise<string> {
  const { cell, network, session, signal, teardown } = context
  const { engine, identity } = session
  const role = copy.role === 'workload' ? 'workload' : 'need'
  const labels = labelsOf(identity, role, cell.id)
  const volumes: { name: string | null; target: string }[] = []
  for (const volume of copy.config.volumes) {
    if (volume.name === null) {
      volumes.push({ name: null, target: volume.target })
      continue
    }
    const name = objectName(identity, cell.id, copy.alias, volume.name)
    teardown.defer(`volume ${name}`, (cleanup) => engine.volumes.remove(name, { signal: cleanup }))
    await engine.volumes.create({ name, labels }, { signal })
    volumes.push({ name, target: volume.target })
  }
  const name = objectName(identity, cell.id, copy.alias)
  teardown.defer(`container ${name}`, (cleanup) =>
    session.removing(() => engine.containers.remove(name, { signal: cleanup })),
  )
  const { config } = copy
  const sysctls = networkSysctls(cell)
  const { id } = await engine.containers.create(
    {
      name,
      image: context.imageOf(copy.row),
      labels,
      ...(config.command === undefined ? {} : { command: config.command }),
      ...(config.entrypoint === undefined ? {} : { entrypoint: config.entrypoint }),
      ...(config.workingDir === undefined ? {} : { workingDir: config.workingDir }),
      environment: environmentOf(copy, context),
      constraints: {
        ...sentConstraints(copy, cell),
        ...(Object.keys(sysctls).length > 0 ? { sysctls: { ...sysctls, ...config.constraints.sysctls } } : {}),
      },
      network:
        network === null
          ? { kind: 'none' }
          : { kind: 'network', id: network.id, aliases: [network.nameOf(copy.alias)] },
      volumes,
      // On a cluster a cell crosses machines wherever it can.
      apartFrom: copy.after.flatMap((alias) => context.created.get(alias) ?? []),
    },
    { signal },
  )
  return id
}

/** Without what the engine is known not to do: one drops it in silence, another refuses the whole container for it. */
export function sentConstraints({ config }: Copy, { unsupported }: RunnableCell): Constraints {
  const { security_opt, group_add, ...others } = config.constraints
  const isTaken = (atom: string) => !unsupported.some((name) => covers(name, atom))
  const constraints: Constraints = Object.fromEntries(
    Object.entries(others).filter(([key]) => !unsupported.includes(key)),
  )
  return {
    ...constraints,
    ...(group_add === undefined ? {} : { group_add: group_add.filter((group) => isTaken(`group_add:${group}`)) }),
    ...(security_opt === undefined
      ? {}
      : { security_opt: security_opt.filter(({ text }) => isTaken(`security_opt:${securityOptionName(text)}`)) }),
  }
}

/** The network's own variables are a default: what the environment imposes by name stands. */
function environmentOf(copy: Copy, context: CopyContext): Readonly<Record<string, string>> {
  const { environment, constraints } = copy.config
  const merged = { ...environment, ...context.network?.variables }
  return Object.fromEntries(
    Object.entries(merged).map(([name, value]) => {
      const imposed = Object.hasOwn(constraints.environment ?? {}, name) ? environment[name] : undefined
      const chosen = imposed ?? value
      return [name, typeof chosen === 'string' ? chosen : context.secret(chosen.secret)]
    }),
  )
}
