/** Runs a command inside the workload, or in a client container that shares its network. */
import { randomUUID } from 'node:crypto'
import { EngineError } from '../../engines/engine.ts'
import { ensureBase } from '../../images/bases.ts'
import { abortable } from '../../lib/abort.ts'
import type { ExecProbe } from '../../model/check.ts'
import type { ExecObservation, NoReply, Observation } from '../../model/observation.ts'
import { type ProbeContext, silence } from './context.ts'

const maxBytes = 1024 * 1024

export async function observeExec(probe: ExecProbe, context: ProbeContext): Promise<Observation> {
  try {
    return context.from === 'client' ? await inClient(probe, context) : await inContainer(probe, context)
  } catch (error) {
    // A container that is gone cannot be asked, and that is known of it.
    if (error instanceof EngineError && (error.code === 'conflict' || error.code === 'not-found')) {
      return silent({ reason: 'exited', message: error.message })
    }
    const result = silence(error, context.signal)
    if ('unobserved' in result) return result.unobserved
    return silent(result.noReply)
  }
}

const silent = (noReply: NoReply): ExecObservation => ({
  kind: 'exec',
  noReply,
  exitCode: -1,
  stdout: '',
  stderr: '',
  cutBytes: { stdout: 0, stderr: 0 },
})

async function inContainer(probe: ExecProbe, context: ProbeContext): Promise<ExecObservation> {
  const { engine, signal, target } = context
  const spec = {
    command: probe.command,
    maxBytes,
    ...(probe.user === undefined ? {} : { user: probe.user }),
    ...(probe.workdir === undefined ? {} : { workdir: probe.workdir }),
  }
  const result = await engine.containers.exec(target.containerId, spec, { signal })
  return { kind: 'exec', noReply: null, ...result }
}

/** Its own limits, so that the client does not eat the workload's. */
const clientLimits = { mem_limit: 512 * 1024 ** 2, pids_limit: 256 }

async function inClient(probe: ExecProbe, context: ProbeContext): Promise<ExecObservation> {
  const { engine, signal, target, labels } = context
  const { containers } = engine
  const image =
    probe.image === 'self'
      ? target.imageId
      : (await ensureBase(engine, { reference: probe.image, recipe: undefined, mayBootstrap: false, signal })).image.id
  const [entrypoint, ...command] = probe.command
  const name = `matrix-client-${randomUUID()}`
  try {
    const { id } = await containers.create(
      {
        name,
        image,
        labels,
        ...(entrypoint === undefined ? {} : { entrypoint: [entrypoint] }),
        command,
        environment: {},
        constraints: { ...clientLimits, ...(probe.user === undefined ? {} : { user: probe.user }) },
        network: { kind: 'container', id: target.containerId },
        volumes: [],
        ...(probe.workdir === undefined ? {} : { workingDir: probe.workdir }),
      },
      { signal },
    )
    await containers.start(id, { signal })
    const collect = async () => {
      const lines = await containers.followLogs(id, { signal })
      const text = { stdout: '', stderr: '' }
      const cutBytes = { stdout: 0, stderr: 0 }
      for await (const { stream, text: line, cutChars = 0 } of lines) {
        // What follows a gap is no part of the beginning any more.
        if (cutBytes[stream] > 0 || text[stream].length >= maxBytes) cutBytes[stream] += line.length + cutChars + 1
        else {
          text[stream] += cutChars > 0 ? line : `${line}\n`
          cutBytes[stream] += cutChars
        }
      }
      return { ...text, cutBytes }
    }
    const text = await abortable(collect(), signal)
    const state = await containers.inspect(id, { signal })
    return { kind: 'exec', noReply: null, exitCode: state.exitCode ?? -1, ...text }
  } finally {
    await containers.remove(name, { signal: AbortSignal.timeout(20_000) }).catch(() => {})
  }
}
