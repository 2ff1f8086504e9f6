/** Probes that read what the engine and the file system record: log, exit, file, inspect, health. */
import { EngineError, type LogLine } from '../../engines/engine.ts'
import type { ExitProbe, FileProbe, InspectProbe, Json, LogProbe } from '../../model/check.ts'
import type { Observation } from '../../model/observation.ts'
import { type ProbeContext, silence } from './context.ts'

const maxBytes = 1024 * 1024
const maxLines = 10_000

/** Everything that the engine does not tell is `unobserved`. */
async function orUnobserved(context: ProbeContext, work: () => Promise<Observation>): Promise<Observation> {
  try {
    return await work()
  } catch (error) {
    const result = silence(error, context.signal)
    if ('unobserved' in result) return result.unobserved
    return { kind: 'unobserved', reason: 'unobservable', message: result.noReply.message }
  }
}

export function observeLog(probe: LogProbe, context: ProbeContext): Promise<Observation> {
  const { engine, signal, target } = context
  return orUnobserved(context, async () => {
    const since = await sinceOf(probe, context)
    const from = since === null ? {} : { sinceMs: Date.parse(since) }
    // One more than is kept tells whether there were more.
    const tail = maxLines + 1
    const log = await engine.containers.logs(target.containerId, { signal, maxBytes, tail, ...from })
    const isOld = ({ at }: LogLine) => probe.since === 'check' && since !== null && at !== null && !isLater(at, since)
    const lines = log.lines.filter((line) => !isOld(line))
    const kept = lines.slice(-maxLines)
    const cutEnds = log.lines.reduce((sum, { cutChars = 0 }) => sum + cutChars, 0)
    return {
      kind: 'log',
      lines: kept.map((line) => line.text),
      earlierCut: lines.length > maxLines || log.cutBytes > cutEnds,
      cutLines: kept.flatMap(({ cutChars }, index) => (cutChars === undefined ? [] : [index])),
    }
  })
}

/** By the engine's clock, which is another than this machine's; null: from the beginning. */
async function sinceOf(probe: LogProbe, context: ProbeContext): Promise<string | null> {
  if (probe.since !== 'start') return probe.since === 'check' ? await context.loggedBefore() : null
  const { containerId } = context.target
  const { startedAt } = await context.engine.containers.inspect(containerId, { signal: context.signal })
  if (startedAt === null) throw new EngineError('failed', 'the engine does not say when the container was started')
  return startedAt
}

/** When the last line of the log so far was written, by the engine's clock; null: there is none. Rejects with `EngineError`. */
export async function lastLoggedAt(
  containerId: string,
  { engine, signal }: Pick<ProbeContext, 'engine' | 'signal'>,
): Promise<string | null> {
  const { lines } = await engine.containers.logs(containerId, { signal, maxBytes, tail: 1 })
  const last = lines.at(-1)
  if (last === undefined) return null
  if (last.at === null) throw new EngineError('failed', 'the engine does not say when a line of the log was written')
  return last.at
}

const isLater = (one: string, other: string): boolean => nanosecondsOf(one) > nanosecondsOf(other)

/** Since the epoch, of a time as engines write it: in UTC, with up to nine digits of a second. */
function nanosecondsOf(at: string): bigint {
  const [, fraction = ''] = /\.(\d+)Z$/.exec(at) ?? []
  return BigInt(Date.parse(at.replace(/\.\d+/, ''))) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}

export function observeExit(probe: ExitProbe, context: ProbeContext): Promise<Observation> {
  const { clock, engine, signal, target } = context
  return orUnobserved(context, async () => {
    const until = clock.now() + probe.withinMs
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 500)) {
      const state = await engine.containers.inspect(target.containerId, { signal })
      if (state.exitCode !== null) return { kind: 'exit', code: state.exitCode, oomKilled: state.oomKilled }
      const leftMs = until - clock.now()
      if (leftMs <= 0) return { kind: 'exit', code: null, oomKilled: state.oomKilled }
      await clock.sleep(Math.min(waitMs, leftMs), signal)
    }
  })
}

export function observeFile(probe: FileProbe, context: ProbeContext): Promise<Observation> {
  const { engine, signal, target } = context
  return orUnobserved(context, async () => {
    const file = await engine.containers.readFile(target.containerId, probe.path, { signal, maxBytes })
    if (file === null) return { kind: 'file', exists: false, mode: null, owner: null, content: null, cutBytes: 0 }
    const cutBytes = file.content === null ? 0 : Math.max(0, file.sizeBytes - maxBytes)
    const mode = file.mode.toString(8).padStart(4, '0')
    return { kind: 'file', exists: true, mode, owner: `${file.uid}:${file.gid}`, content: file.content, cutBytes }
  })
}

export function observeInspect(probe: InspectProbe, context: ProbeContext): Promise<Observation> {
  const { engine, signal, target } = context
  return orUnobserved(context, async () => {
    const { raw } = await engine.containers.inspect(target.containerId, { signal })
    let value: unknown = raw
    for (const name of probe.path.split('.')) {
      value =
        value !== null && typeof value === 'object' && Object.hasOwn(value, name)
          ? (value as Record<string, unknown>)[name]
          : undefined
    }
    return { kind: 'inspect', value: value as Json | undefined }
  })
}

export function observeHealth(context: ProbeContext): Promise<Observation> {
  const { engine, signal, target } = context
  return orUnobserved(context, async () => {
    const { health } = await engine.containers.inspect(target.containerId, { signal })
    return { kind: 'health', status: health }
  })
}
