/** A container of Matrix's own on a cell's network: started, and waited for until it listens. */
import { BlockList, isIPv4 } from 'node:net'
import type { ContainerSpec } from '../../engines/engine.ts'
import { deadline } from '../../lib/abort.ts'
import type { Clock } from '../../lib/clock.ts'
import { labelsOf, objectName } from '../labels.ts'
import { DialError } from '../probes/target.ts'
import { reach } from '../relay/dial.ts'
import type { Helper } from '../relay/helper.ts'
import type { EngineSession } from '../session.ts'
import type { Teardown } from '../teardown.ts'

export interface HelperContext {
  readonly cell: string
  readonly session: EngineSession
  readonly clock: Clock
  readonly teardown: Teardown
  readonly signal: AbortSignal
}
export interface HelperContainer {
  readonly containerId: string
  /** Its address on the cell's network. */
  readonly address: string
  /** On all its networks. */
  readonly addresses: readonly string[]
}

const listensWithinMs = 20_000
const againMs = 20

/** Rejects with `EngineError`, or with an `Error` where it does not listen in time. */
export async function startHelperContainer(
  spec: Pick<ContainerSpec, 'image' | 'command' | 'environment' | 'constraints'> & {
    /** Part of its name. */
    readonly name: string
    readonly aliases: readonly string[]
    /** A further network, such as one that reaches out. */
    readonly reachesOut: boolean
    readonly ports: readonly number[]
  },
  network: { readonly id: string; readonly subnets: readonly string[] },
  context: HelperContext,
): Promise<HelperContainer> {
  const { session, signal, teardown } = context
  const { engine, identity } = session
  const name = objectName(identity, context.cell, spec.name)
  teardown.defer(`container ${name}`, (cleanup) =>
    session.removing(() => engine.containers.remove(name, { signal: cleanup })),
  )
  const { image, environment, constraints, command, aliases } = spec
  const on: ContainerSpec['network'] = { kind: 'network', id: network.id, aliases }
  const { id } = await engine.containers.create(
    {
      name,
      image,
      labels: labelsOf(identity, 'relay', context.cell),
      entrypoint: ['/bin/busybox'],
      ...(command === undefined ? {} : { command }),
      environment,
      constraints: { cap_drop: ['ALL'], security_opt: [{ text: 'no-new-privileges:true' }], ...constraints },
      network: spec.reachesOut ? { kind: 'bridge' } : on,
      volumes: [],
    },
    { signal },
  )
  if (spec.reachesOut) await engine.networks.connect(network.id, id, { aliases, signal })
  await session.starting(() => engine.containers.start(id, { signal }))
  const { pid, addresses } = await engine.containers.inspect(id, { signal })
  const address = addresses.find((candidate) => isWithin(candidate, network.subnets))
  if (address === undefined) throw new Error(`${name} has no address on the network of ${context.cell}`)
  const { helper } = await session.hostOf(id, signal)
  for (const port of spec.ports) await listens(helper, { pid, address, port }, context)
  return { containerId: id, address, addresses }
}

async function listens(
  helper: Helper,
  to: { readonly pid: number; readonly address: string; readonly port: number },
  context: HelperContext,
): Promise<void> {
  using limit = deadline(listensWithinMs, context.signal)
  for (;;) {
    try {
      return await reach(helper, { ...to, signal: limit.signal })
    } catch (error) {
      if (!(error instanceof DialError) || limit.signal.aborted) throw error
      await context.clock.sleep(againMs, limit.signal)
    }
  }
}

/** Whether an IPv4 address lies in one of these ranges. */
export function isWithin(address: string, subnets: readonly string[]): boolean {
  if (!isIPv4(address)) return false
  const ranges = new BlockList()
  for (const subnet of subnets) {
    const [base, prefix] = subnet.split('/')
    if (base?.includes('.')) ranges.addSubnet(base, Number(prefix))
  }
  return ranges.check(address)
}
