/** Carries out a plain TCP connection. */
import { abortable } from '../../lib/abort.ts'
import type { TcpProbe } from '../../model/check.ts'
import type { Observation } from '../../model/observation.ts'
import { type ProbeContext, portOf, silence } from './context.ts'

const maxBannerBytes = 64 * 1024

/** Waits for data only where a banner is expected; what has come by the deadline is the banner. */
export async function observeTcp(probe: TcpProbe, context: ProbeContext): Promise<Observation> {
  try {
    const port = portOf(context.target, probe.port)
    await context.target.reach(port, { signal: context.signal })
    if (probe.send === undefined && probe.expect.banner === undefined) {
      return { kind: 'tcp', connected: true, noReply: null, banner: '' }
    }
    const stream = await context.target.dial(port, { signal: context.signal })
    try {
      if (probe.send !== undefined) stream.write(probe.send)
      if (probe.expect.banner === undefined) return { kind: 'tcp', connected: true, noReply: null, banner: '' }
      let banner = ''
      const reading = (async () => {
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          banner += chunk.toString('utf8')
          if (banner.includes('\n') || banner.length > maxBannerBytes) return
        }
      })()
      await abortable(reading, context.signal).catch(() => {})
      return { kind: 'tcp', connected: true, noReply: null, banner: banner.slice(0, maxBannerBytes) }
    } finally {
      stream.destroy()
    }
  } catch (error) {
    const result = silence(error, context.signal)
    return 'unobserved' in result
      ? result.unobserved
      : { kind: 'tcp', connected: false, noReply: result.noReply, banner: '' }
  }
}
