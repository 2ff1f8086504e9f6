/** Brings up one container of a cell: create, start, verify from inside, wait until it is ready. */
import type { ContainerState } from '../engines/engine.ts'
import { deadline } from '../lib/abort.ts'
import { oneLine } from '../lib/printable.ts'
import type { Stage } from '../model/outcome.ts'
import type { Copy } from '../model/plan.ts'
import type { ConstraintRecord } from '../model/run-record.ts'
import { describeEnd } from './container-end.ts'
import { type CopyContext, createCopy, sentConstraints } from './create-copy.ts'
import type { ContainerDeath } from './death-watch.ts'
import { labelsOf } from './labels.ts'
import { DialError, type ProbeTarget } from './probes/target.ts'
import { CellProblem, lossOf, type Problem, problemOf } from './problem.ts'
import { readyWithinMs, waitReady } from './readiness.ts'
import { dial, reach } from './relay/dial.ts'
import { listening } from './relay/listening.ts'
import type { EngineSession, SessionHost } from './session.ts'
import type { Verification } from './verify/judge.ts'
import { type KernelView, readKernelView } from './verify/kernel-view.ts'
import { isSettled, nothingSeen, observeNetwork, settled } from './verify/network.ts'
import { tryProfile } from './verify/seccomp.ts'
import { verifyConstraints } from './verify/verify.ts'

const betweenLooksMs = 500
/** What an engine may take to restart a container, beside the time that its workload has to stop. */
const engineRestartsWithinMs = 60_000

/** A copy that runs; what it was verified to be is known once `verified` resolves. */
export interface RunningCopy {
  readonly copy: Copy
  readonly containerId: string
  readonly target: ProbeTarget
  /** Never rejects. */
  readonly verified: Promise<Verification>
  /** Restarts it and waits until it is ready again. */
  restart(signal: AbortSignal): Promise<void>
  /** The machine that it runs on. */
  readonly host: SessionHost
  /** Process id on that machine; 0 while it does not run. */
  pid(): number
}

/** Rejects with `CellProblem` at the stages `create`, `start` and `ready`. `onCreated` hears of the container as soon as it is there. */
export async function startCopy(
  copy: Copy,
  context: CopyContext,
  onCreated: (containerId: string) => void,
): Promise<RunningCopy> {
  const { session, signal } = context
  const { engine } = session
  const containerId = await at('create', () => context.phase(`create ${copy.alias}`, () => createCopy(copy, context)))
  onCreated(containerId)
  await at('start', () =>
    context.phase(`start ${copy.alias}`, () =>
      session.starting(() => engine.containers.start(containerId, { signal })),
    ),
  )

  let state = await at('start', () => engine.containers.inspect(containerId, { signal }))
  const machine = await at('start', () => session.hostOf(containerId, signal))
  if (state.node !== null) context.placed(copy.alias, state.node)
  const named = (port: number) => {
    const portName = Object.entries(copy.config.ports).find(([, number]) => number === port)?.[0]
    return { port, ...(portName === undefined ? {} : { portName }) }
  }
  const target: ProbeTarget = {
    alias: copy.alias,
    containerId,
    ports: copy.config.ports,
    imageId: context.imageOf(copy.row),
    dial: async (port, { host, signal: dialSignal }) => {
      const { pid, address } = addressOf(state)
      return dial(machine.helper, { pid, address: host ?? address, ...named(port), signal: dialSignal })
    },
    reach: async (port, options) =>
      reach(machine.helper, { ...addressOf(state), ...named(port), signal: options.signal }),
    listening: async (options) => listening(machine.helper, { pid: addressOf(state).pid, signal: options.signal }),
  }
  const verified = verify(copy, { containerId, host: machine, context }).catch((error: unknown) =>
    unverified(copy, context, oneLine(error instanceof Error ? error.message : String(error))),
  )
  await at('ready', () => context.phase(`ready ${copy.alias}`, () => becomeReady(copy, target, context)))
  return {
    copy,
    containerId,
    target,
    verified,
    host: machine,
    pid: () => state.pid,
    async restart(restartSignal) {
      session.deaths.expect(containerId)
      const graceMs = context.cell.contract.stopsWithinMs ?? 10_000
      {
        using limit = deadline(graceMs + engineRestartsWithinMs * context.cell.timeScale, restartSignal)
        await engine.containers.restart(containerId, { graceMs, signal: limit.signal })
        state = await engine.containers.inspect(containerId, { signal: limit.signal })
      }
      await becomeReady(copy, target, { ...context, signal: restartSignal })
    },
  }
}

function addressOf(state: ContainerState): { readonly pid: number; readonly address: string } {
  if (state.pid <= 0) throw new DialError('the container does not run', { reason: 'exited', relayFault: false })
  // Its own address rather than loopback, so that a listener on loopback alone is seen to fail.
  return { pid: state.pid, address: state.addresses[0] ?? '127.0.0.1' }
}

async function at<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof CellProblem ? error : new CellProblem(problemOf(error, stage), error)
  }
}

function declaredOf(copy: Copy, { cell, network, session }: Pick<CopyContext, 'cell' | 'network' | 'session'>) {
  const { constraints } = copy.config
  const delayed = copy.after.filter((alias) => network?.delays.has(alias) === true)
  const { rootless, securityOptions } = session.facts
  const mapsIds = rootless || securityOptions.some((option) => /\bname=(userns|rootless)\b/.test(option))
  const { unsupported } = cell
  return { constraints, network: cell.network, unsupported, needs: copy.after, delayed, mapsIds }
}

function unverified(copy: Copy, context: CopyContext, trouble: string): Verification {
  return { records: unobserved(copy, context), trouble }
}

/** What is declared for a copy of which nothing could be read. */
export function unobserved(
  copy: Copy,
  context: Pick<CopyContext, 'cell' | 'network' | 'session'>,
): readonly ConstraintRecord[] {
  return verifyConstraints({
    ...declaredOf(copy, context),
    seen: nothingSeen,
    view: null,
    variables: null,
    profile: null,
  })
}

async function verify(
  copy: Copy,
  running: { readonly containerId: string; readonly host: SessionHost; readonly context: CopyContext },
): Promise<Verification> {
  const { containerId, host, context } = running
  const { session, signal } = context
  const { egress } = context.cell.network
  const sysctls = Object.keys(copy.config.constraints.sysctls ?? {})
  const pid = async () => (await session.engine.containers.inspect(containerId, { signal })).pid
  const read = async () => settledView(await pid(), { host, sysctls, context })
  const tryOut = async () =>
    observeNetwork({ pid: await pid(), needs: copy.after, network: context.network, egress, host, signal })
  const { security_opt } = sentConstraints(copy, context.cell)
  const trying = tryProfile(security_opt, { session, beside: containerId, signal })
  const [view, seen, profile] = await Promise.all([read(), tryOut(), trying])
  const imposed = Object.entries(copy.config.constraints.environment ?? {})
  const hidden = view !== null && imposed.some(([name, value]) => view.environment[name] !== value)
  const variables = hidden ? await session.engine.containers.environment(containerId, { signal }) : null
  const declared = { ...declaredOf(copy, context), variables, profile }
  const records = verifyConstraints({ ...declared, seen, view })
  if (view === null) {
    // Without a process there is nothing to read; a container that lives and cannot be read is another matter.
    return { records, trouble: (await pid()) > 0 ? 'its process could not be read from the host' : null }
  }
  if (records.every((record) => record.agrees !== false)) return { records, trouble: null }
  // Looked at again before a disagreement is believed: the process may have been seen in the middle of its start, and
  // Docker takes the rule that closes its internal networks out and in again whenever it makes another network.
  const looks = [seen]
  let latest = view
  while (!isSettled(looks)) {
    await context.clock.sleep(betweenLooksMs, signal)
    const [again, seenAgain] = await Promise.all([read(), tryOut()])
    if (again === null) break
    latest = again
    looks.push(seenAgain)
  }
  return { records: verifyConstraints({ ...declared, seen: settled(looks), view: latest }), trouble: null }
}

/** Waits until the runtime has handed over to the container's own program. */
async function settledView(
  pid: number,
  options: { readonly host: SessionHost; readonly sysctls: readonly string[]; readonly context: CopyContext },
): Promise<KernelView | null> {
  const { host, sysctls, context } = options
  let view: KernelView | null = null
  for (let attempt = 0; attempt < 20; attempt++) {
    view = await readKernelView(host.helper, { pid, sysctls, signal: context.signal })
    if (view === null || !/^(runc|crun)(:|$)|^exe$/.test(view.command)) return view
    await context.clock.sleep(20, context.signal)
  }
  return view
}

async function becomeReady(copy: Copy, target: ProbeTarget, context: CopyContext): Promise<void> {
  const { cell, session, signal } = context
  const died = session.deaths.next(target.containerId)
  if (copy.readiness === undefined) return
  const deadlineMs = readyWithinMs(copy.readiness, cell)
  const result = await waitReady(copy.readiness, {
    engine: session.engine,
    target,
    clock: context.clock,
    signal,
    deadlineMs,
    secret: context.secret,
    redact: context.redact,
    labels: labelsOf(session.identity, 'client', cell.id),
    died,
  })
  if (result.outcome === 'ready') return
  throw new CellProblem(
    await readinessProblem(result, {
      ...context,
      died: session.deaths.known(target.containerId),
      copy,
      target,
    }),
  )
}

async function readinessProblem(
  result: { readonly reason: Problem['reason']; readonly message: string; readonly error?: boolean },
  context: {
    readonly died: ContainerDeath | undefined
    readonly session: EngineSession
    readonly copy: Copy
    readonly target: ProbeTarget
    readonly signal: AbortSignal
    readonly redact: readonly string[]
  },
): Promise<Problem> {
  const { died } = context
  if (died?.kind === 'lost') return lossOf(died.error, 'ready')
  if (died === undefined) {
    return {
      kind: result.error === true ? 'error' : 'fail',
      stage: 'ready',
      reason: result.reason,
      message: result.message,
    }
  }
  return {
    kind: 'fail',
    stage: 'ready',
    ...(await describeEnd(context.copy, { ...context, containerId: context.target.containerId })),
  }
}
