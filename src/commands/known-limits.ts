/** What the engine of an environment is known not to enforce before it is asked: for the plan, and for whoever reads it. */
import { homedir } from 'node:os'
import { unenforcedBy } from '../engines/docker-api/quirks.ts'
import { unsupportedBy } from '../engines/swarm/service-spec.ts'
import { namedEndpoint } from '../hosts/endpoint-access.ts'
import { expectedEngine } from '../hosts/expected-engine.ts'
import type { EngineChoice, Environment } from '../model/project.ts'
import type { LimitSource } from '../plan/limits.ts'
import { type Met, metEngines } from '../record/met-engines.ts'
import type { Io } from './io.ts'

/** Keys or atoms; of an engine that is only connected to, nothing is known until it answers. */
export function knownLimits(choice: EngineChoice): ReadonlySet<string> {
  if (choice.kind !== 'provision') return new Set()
  const { spec } = choice
  const engine = expectedEngine(spec)
  return new Set([...unenforcedBy(engine), ...(spec.kind === 'swarm' ? unsupportedBy(engine.version) : [])])
}

export interface Limits extends LimitSource {
  /** Keys or atoms. */
  readonly unenforced: ReadonlySet<string>
}

/**
 * Environment → what is known without asking: of an engine that is only connected to, what the last run met there. It may
 * be far away, and another one by now; the next run asks it.
 */
export function limitsOf(
  environments: readonly Environment[],
  { reports, io }: { readonly reports: string; readonly io: Io },
): ReadonlyMap<string, Limits> {
  const connected = environments.filter(({ engine }) => engine.kind !== 'provision')
  const met = metEngines(reports, new Set(connected.map(({ id }) => id)))
  return new Map(environments.map(({ id, engine }) => [id, limitsOfChoice(engine, met.get(id), io)]))
}

function limitsOfChoice(choice: EngineChoice, met: Met | undefined, io: Io): Limits {
  if (choice.kind === 'provision') {
    return { unenforced: knownLimits(choice), isKnown: true, run: null, engines: 1 }
  }
  // Which one the default is depends on the day; the run says which it was.
  const wanted = choice.kind === 'default' ? met?.engines.map(({ endpoint }) => endpoint) : endpointsOf(choice, io)
  const found = (wanted ?? []).flatMap((endpoint) => met?.engines.filter((one) => one.endpoint === endpoint) ?? [])
  return {
    unenforced: new Set(found.flatMap(({ unsupported }) => unsupported)),
    isKnown: wanted !== undefined && found.length >= wanted.length && found.length > 0,
    run: found.length > 0 ? (met?.run ?? null) : null,
    engines: wanted?.length ?? 1,
  }
}

function endpointsOf(choice: Extract<EngineChoice, { kind: 'connect' | 'pool' }>, { env }: Io): readonly string[] {
  const names = choice.kind === 'connect' ? [choice.endpoint] : choice.endpoints
  return names.map((name) => {
    const found = namedEndpoint(name, { env, home: env['HOME'] || homedir() })
    return found.ok ? found.endpoint : name
  })
}
