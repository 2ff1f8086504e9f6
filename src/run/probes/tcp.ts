/** Carries out a plain TCP connection. */
import type { Duplex } from 'node:stream'
import { abortable, DeadlineError } from '../../lib/abort.ts'
import { BoundedText } from '../../lib/bounded-text.ts'
import type { TcpProbe } from '../../model/check.ts'
import type { Observation, TcpObservation } from '../../model/observation.ts'
import { type ProbeContext, portOf, silence } from './context.ts'

const maxBannerBytes = 64 * 1024

/** Waits for data only where a banner is expected; what has come by the deadline is the banner. */
export async function observeTcp(probe: TcpProbe, context: ProbeContext): Promise<Observation> {
  try {
    const port = portOf(context.target, probe.port)
    await context.target.reach(port, { signal: context.signal })
    if (probe.send === undefined && probe.expect.banner === undefined) return connected
    const stream = await context.target.dial(port, { signal: context.signal })
    try {
      if (probe.send !== undefined) stream.write(probe.send)
      if (probe.expect.banner === undefined) return connected
      const banner = await readBanner(stream, context.signal)
      return { ...connected, banner: banner.text, cutBytes: banner.cutBytes }
    } finally {
      stream.destroy()
    }
  } catch (error) {
    const result = silence(error, context.signal)
    return 'unobserved' in result ? result.unobserved : { ...connected, connected: false, noReply: result.noReply }
  }
}

const connected: TcpObservation = { kind: 'tcp', connected: true, noReply: null, banner: '', cutBytes: 0 }

async function readBanner(stream: Duplex, signal: AbortSignal): Promise<BoundedText> {
  const banner = new BoundedText(maxBannerBytes)
  const reading = (async () => {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      banner.push(chunk)
      if (chunk.includes('\n') || banner.cutBytes > 0) return
    }
  })()
  try {
    await abortable(reading, signal)
  } catch (error) {
    // Silence until the end of the time is an observation; a way that broke is none.
    if (!(error instanceof DeadlineError)) throw stream.errored ?? error
  }
  return banner
}
