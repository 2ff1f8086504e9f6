/** Stops a container as softly as its grace allows. */
import type Dockerode from 'dockerode'
import { deadline } from '../../lib/abort.ts'
import type { Containers } from '../engine.ts'
import { engineError } from './errors.ts'

/** Rejects with dockerode's own errors. */
export async function stop(
  container: Dockerode.Container,
  { signal, graceMs, stopSignal }: Parameters<Containers['stop']>[1],
): Promise<void> {
  const { State, Config } = await container.inspect({ abortSignal: signal })
  if (!State.Running) return
  const configured = (Config as { StopSignal?: string }).StopSignal ?? 'SIGTERM'
  if (graceMs % 1000 !== 0) return stopExactly(container, { signal, graceMs, stopSignal: stopSignal ?? configured })
  // The stop signal of the API came after 1.41, so a signal of ours is sent apart from the wait.
  if (stopSignal !== undefined && stopSignal !== configured) {
    await container.kill({ signal: stopSignal, abortSignal: signal })
  }
  await notModified(container.stop({ t: graceMs / 1000, abortSignal: signal }))
}

/** The engine grants whole seconds only, so that any other grace is waited for here. */
async function stopExactly(
  container: Dockerode.Container,
  {
    signal,
    graceMs,
    stopSignal,
  }: { readonly signal: AbortSignal; readonly graceMs: number; readonly stopSignal: string },
): Promise<void> {
  using grace = deadline(graceMs, signal)
  const ended = (waiting: AbortSignal) => container.wait({ condition: 'not-running', abortSignal: waiting })
  await whileRunning(container.kill({ signal: stopSignal, abortSignal: signal }))
  try {
    await ended(grace.signal)
  } catch (error) {
    if (signal.aborted || !grace.signal.aborted) throw error
    await whileRunning(container.kill({ signal: 'SIGKILL', abortSignal: signal }))
    await ended(signal)
  }
}

/** One that has just ended refuses a signal. */
async function whileRunning(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (engineError(error).code !== 'conflict') throw error
  })
}

/** 304: it had stopped already. */
async function notModified(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 304) throw error
  }
}
