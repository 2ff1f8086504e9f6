/** Probes that read what the engine and the file system record: log, exit, file, inspect, health. */
import { EngineError } from '../../engines/engine.ts'
import type { ExitProbe, FileProbe, InspectProbe, Json, LogProbe } from '../../model/check.ts'
import type { Observation } from '../../model/observation.ts'
import { type ProbeContext, silence } from './context.ts'
import { linesAfter } from './log-mark.ts'

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
    const mark = probe.since === 'check' ? await context.logMark() : null
    const since = probe.since === 'start' ? await startOf(context) : mark?.at
    const from = since === undefined ? {} : { sinceMs: Date.parse(since) }
    // One more than is kept tells whether there were more.
    const tail = maxLines + 1
    const log = await engine.containers.logs(target.containerId, { signal, maxBytes, tail, ...from })
    const lines = mark === null ? log.lines : linesAfter(mark, log.lines)
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

async function startOf({ engine, signal, target }: ProbeContext): Promise<string> {
  const { startedAt } = await engine.containers.inspect(target.containerId, { signal })
  if (startedAt === null) throw new EngineError('failed', 'the engine does not say when the container was started')
  return startedAt
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
