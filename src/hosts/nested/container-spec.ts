/** The container that a nested engine is, as the engine that it is in is asked for it. */
import type { ContainerSpec, Labels } from '../../engines/engine.ts'
import { authoritiesInside, type NestedEngine } from './engine-kinds.ts'

/** Where the folder of sockets is seen inside. */
const runFolder = '/run/matrix'
/** In the folder of sockets. */
export const engineSocket = 'engine.sock'

export function nestedContainer(
  engine: NestedEngine,
  options: {
    /** Of the container, and of the volume that its data are in. */
    readonly name: string
    readonly hostname: string
    readonly image: string
    readonly labels: Labels
    /** Of the machine: where the engine's socket appears, and certificates of registries that it trusts. */
    readonly folders: { readonly sockets: string; readonly authorities: string }
    readonly network: ContainerSpec['network']
  },
): ContainerSpec {
  const { name, hostname, image, labels, network, folders } = options
  return {
    name,
    image,
    labels,
    entrypoint: ['/bin/sh', '-c', engine.script],
    environment: { SOCKET: `${runFolder}/${engineSocket}` },
    constraints: {
      cap_add: ['ALL'],
      cap_drop: engine.missingCapabilities,
      security_opt: [{ text: 'seccomp=unconfined' }, { text: 'apparmor=unconfined' }],
      hostname,
      init: true,
      stop_signal: 'SIGTERM',
    },
    network,
    volumes: [{ name, target: engine.dataFolder }],
    host: {
      binds: [
        { source: folders.sockets, target: runFolder },
        { source: folders.authorities, target: authoritiesInside },
        ...(engine.cgroupNamespace === 'host' ? [{ source: '/sys/fs/cgroup', target: '/sys/fs/cgroup' }] : []),
      ],
      devices: engine.devices,
      cgroupNamespace: engine.cgroupNamespace,
    },
  }
}
