/** What a `tcp` check asserts of a connection. */
import type { TcpProbe } from '../model/check.ts'
import type { TcpObservation } from '../model/observation.ts'
import { cutText } from './cut.ts'
import type { Assertion } from './verdict.ts'

export function tcpAssertions(probe: TcpProbe, seen: TcpObservation): readonly Assertion[] {
  const { connected, banner } = probe.expect
  return [
    { name: 'connected', matcher: connected, value: seen.connected },
    ...(banner === undefined
      ? []
      : [
          {
            name: 'banner',
            matcher: banner,
            value: seen.connected ? seen.banner : undefined,
            cut: cutText(seen.cutBytes),
          },
        ]),
  ]
}
