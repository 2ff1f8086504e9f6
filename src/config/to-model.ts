/** From what the definitions give to the model: names resolved, defaults that depend on the kind, places kept. */
import type { ActionKind, Check, CheckKind, Probe, Readiness, Step, Vantage } from '../model/check.ts'
import type { Constraints } from '../model/constraint.ts'
import type { SourceLocation } from '../model/diagnostic.ts'
import type { EngineChoice, Environment, HostSpec, Row } from '../model/project.ts'
import type { Waiver } from '../model/waiver.ts'
import type { ParsedCheck, ParsedReadiness, ParsedStep } from './definitions/check.ts'
import type { ParsedEnvironment, ParsedProvision, ParsedStack, ParsedWaivers } from './definitions/files.ts'
import { type Located, locate } from './located.ts'

/** Objects without the members that are undefined, as `exactOptionalPropertyTypes` asks. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as never
}

const defaultVantage: Readonly<Record<string, Vantage>> = { http: 'probe', tcp: 'probe', sql: 'probe', redis: 'probe' }

function stepOf(parsed: ParsedStep, at: SourceLocation): Step {
  const { kind } = parsed.act
  const act =
    kind === 'parallel'
      ? {
          kind,
          branches: (parsed.act['branches'] as ParsedStep[][]).map((branch) => branch.map((step) => stepOf(step, at))),
        }
      : parsed.act
  return {
    act: defined(act) as unknown as Step['act'] & { kind: ActionKind | CheckKind },
    ...(parsed.on === undefined ? {} : { on: parsed.on }),
    from: parsed.from ?? defaultVantage[kind] ?? 'container',
    timeoutMs: parsed.timeout,
    ...(parsed.eventually === undefined ? {} : { eventuallyMs: parsed.eventually }),
    capture: parsed.capture,
    at,
  }
}

function checkOf(parsed: ParsedCheck, node: Located, path: readonly PropertyKey[]): Check {
  return {
    name: parsed.name,
    kind: parsed.kind as CheckKind,
    steps: parsed.steps.map((step, index) =>
      stepOf(step, parsed.kind === 'steps' ? locate(node, [...path, 'steps', index]) : locate(node, path)),
    ),
    at: locate(node, path),
  }
}

function readinessOf(parsed: ParsedReadiness, at: SourceLocation): Readiness {
  const step = stepOf(parsed.step, at)
  return {
    probe: step.act as Probe,
    from: step.from,
    deadlineMs: parsed.deadline,
    ...(parsed.failOn === undefined ? {} : { failOn: parsed.failOn }),
    at,
  }
}

export function rowOf(
  parsed: ParsedStack,
  context: { readonly id: string; readonly base: string; readonly node: Located; readonly directory: string },
): Row {
  const { id, base, node } = context
  const common = {
    id,
    base,
    title: parsed.title ?? id,
    needs: parsed.needs,
    checks: parsed.checks.map((check, index) => checkOf(check, node, ['checks', index])),
    exclusive: parsed.exclusive,
    at: node.at,
  }
  if (parsed.build === undefined && parsed.image === undefined) return { kind: 'scenario', ...common }
  const { volumes, ...constraints } = parsed.service
  return {
    kind: 'stack',
    ...common,
    image:
      parsed.build === undefined
        ? { kind: 'image', reference: parsed.image ?? '' }
        : defined({ kind: 'build' as const, ...parsed.build, context: context.directory }),
    ...(parsed.command === undefined ? {} : { command: parsed.command }),
    ...(parsed.entrypoint === undefined ? {} : { entrypoint: parsed.entrypoint }),
    ...(parsed.working_dir === undefined ? {} : { workingDir: parsed.working_dir }),
    ports: Object.fromEntries(Object.entries(parsed.ports).map(([name, port]) => [name, defined(port)])) as never,
    environment: parsed.environment,
    service: { constraints: defined(constraints) as Constraints, volumes: volumes ?? [] },
    ...(parsed.readiness === undefined
      ? {}
      : { readiness: readinessOf(parsed.readiness, locate(node, ['readiness'])) }),
  }
}

function engineOf({ connect, provision, pool }: NonNullable<ParsedEnvironment['engine']>): EngineChoice {
  if (connect !== undefined) return { kind: 'connect', endpoint: connect }
  if (provision !== undefined) return { kind: 'provision', spec: hostSpecOf(provision) }
  return pool === undefined ? { kind: 'default' } : { kind: 'pool', endpoints: pool }
}

export function environmentOf(
  parsed: ParsedEnvironment,
  context: { readonly id: string; readonly node: Located },
): Environment {
  const { engine, network, contract } = parsed
  return {
    id: context.id,
    title: parsed.title ?? context.id,
    description: parsed.description,
    engine: engineOf(engine ?? {}),
    constraints: defined(parsed.constraints) as Constraints,
    allow: parsed.allow,
    required: parsed.required,
    sells: defined(parsed.sells),
    network: defined({
      egress: network.egress,
      proxy: network.proxy,
      ipv6: network.ipv6,
      latencyMs: network.latency,
      mtu: network.mtu,
    }),
    contract: defined({
      readyWithinMs: contract.ready_within,
      staysUpMs: contract.stays_up,
      stopsWithinMs: contract.stops_within,
      port: contract.port,
    }),
    timeScale: parsed.time_scale,
    at: context.node.at,
  }
}

function hostSpecOf(parsed: ParsedProvision): HostSpec {
  if (parsed.kind === 'nested' && parsed.image !== undefined) return { kind: 'published', image: parsed.image }
  if (parsed.kind !== 'vm') return defined(parsed) as HostSpec
  const { kind, release, cpus, memory, disk } = parsed
  return { kind, release, cpus, memoryBytes: memory, diskBytes: disk }
}

export function waiversOf(parsed: ParsedWaivers, node: Located): readonly Waiver[] {
  return parsed.waivers.map(({ match, reason, owner, issue, created, expires }, index) => {
    const { file, line, column } = locate(node, ['waivers', index])
    const at = `${file}:${line}:${column}`
    return { match: defined(match), reason, owner, issue: issue ?? null, created, expires, at }
  })
}
