/** Which engine a provisioned host will have, before it is up: what its release of Debian holds, or its image's tag says. */
import type { DebianRelease, HostSpec } from '../model/project.ts'
import { machineFacts } from './machine-facts.ts'

export interface ExpectedEngine {
  readonly name: 'docker' | 'podman'
  readonly version: string
  readonly rootless: boolean
  /** `v1` or `v2`. */
  readonly cgroup: string
  /** Undefined: the engine's own. */
  readonly ociRuntime: string | undefined
  /** Controllers of control groups that it may use; undefined where only it can tell. */
  readonly controllers: ReadonlySet<string> | undefined
}

/** Source: the packages docker.io and podman of each release. */
const versions: Readonly<Record<'docker' | 'podman', Readonly<Record<DebianRelease, string>>>> = {
  docker: { bullseye: '20.10.5', bookworm: '20.10.24', trixie: '26.1.5' },
  podman: { bullseye: '3.0.1', bookworm: '4.3.1', trixie: '5.4.2' },
}

export function expectedEngine(spec: HostSpec): ExpectedEngine {
  const name = spec.kind === 'nested' ? spec.engine : 'docker'
  const rootless = spec.kind === 'nested' && spec.rootless
  return {
    name,
    version: spec.kind === 'published' ? versionOf(spec.image) : versions[name][spec.release],
    rootless,
    // A container shares the machine's control groups; a virtual machine of today's Debian has version 2.
    cgroup: spec.kind === 'vm' ? 'v2' : machineFacts().cgroup,
    ociRuntime: spec.kind === 'nested' ? spec.runtime : undefined,
    // Without root, Docker has its control groups from systemd, which no container runs. Source: docs.docker.com, Rootless.
    controllers: rootless && name === 'docker' ? new Set() : undefined,
  }
}

/** Of an image whose tag does not say, such as `docker:dind`, a new one is expected. */
const versionOf = (image: string): string => /:v?(\d+(\.\d+)*)[^/]*$/.exec(image)?.[1] ?? versions.docker.trixie
