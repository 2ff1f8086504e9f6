/** Networks over the Docker Engine API. */
import type Dockerode from 'dockerode'
import type { Engine } from '../engine.ts'
import { call, callOrNull } from './errors.ts'
import { request } from './request.ts'

export function networksOf(docker: Dockerode): Engine['networks'] {
  const pathOf = (id: string) => `/networks/${encodeURIComponent(id)}`
  return {
    create: (spec, { signal }) =>
      call(signal, async () => {
        const network = await docker.createNetwork({
          Name: spec.name,
          Driver: 'bridge',
          Internal: spec.internal,
          CheckDuplicate: true,
          Labels: { ...spec.labels },
          ...(spec.mtu === undefined ? {} : { Options: { 'com.docker.network.driver.mtu': String(spec.mtu) } }),
          ...(spec.ipv6Subnet === undefined
            ? {}
            : { EnableIPv6: true, IPAM: { Config: [{ Subnet: spec.ipv6Subnet }] } }),
          abortSignal: signal,
        })
        return { id: network.id }
      }),
    subnets: (id, { signal }) =>
      call(signal, async () => {
        const { IPAM } = await request<Dockerode.NetworkInspectInfo>(docker, {
          method: 'GET',
          path: pathOf(id),
          signal,
        })
        return (IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet ? [Subnet] : []))
      }),
    connect: (id, container, { aliases, signal }) =>
      call(signal, async () => {
        const options = { Container: container, EndpointConfig: { Aliases: [...aliases] }, abortSignal: signal }
        await docker.getNetwork(id).connect(options)
      }),
    remove: async (id, { signal }) => {
      await callOrNull(signal, () => docker.getNetwork(id).remove({ abortSignal: signal }))
    },
  }
}
