/** Maps a container of the port to what the Docker Engine API asks for. */
import type Dockerode from 'dockerode'
import type { Constraints, SecurityOption } from '../../model/constraint.ts'
import type { ContainerSpec, HostPrivileges } from '../engine.ts'

export function createOptions(spec: ContainerSpec): Dockerode.ContainerCreateOptions {
  const { constraints, network } = spec
  const anonymous = spec.volumes.filter((volume) => volume.name === null)
  return {
    name: spec.name,
    Image: spec.image,
    Labels: { ...spec.labels },
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    ...(spec.command === undefined ? {} : { Cmd: [...spec.command] }),
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: [...spec.entrypoint] }),
    ...(spec.workingDir === undefined ? {} : { WorkingDir: spec.workingDir }),
    ...(constraints.user === undefined ? {} : { User: constraints.user }),
    ...(constraints.hostname === undefined ? {} : { Hostname: constraints.hostname }),
    ...(constraints.stop_signal === undefined ? {} : { StopSignal: constraints.stop_signal }),
    ...(constraints.stop_grace_period === undefined
      ? {}
      : { StopTimeout: Math.ceil(constraints.stop_grace_period / 1000) }),
    ...(constraints.platform === undefined ? {} : { platform: constraints.platform }),
    ...(spec.openStdin === true ? { OpenStdin: true, StdinOnce: true } : {}),
    ...(anonymous.length === 0 ? {} : { Volumes: Object.fromEntries(anonymous.map((volume) => [volume.target, {}])) }),
    HostConfig: {
      ...limits(constraints),
      ...security(constraints),
      NetworkMode: networkMode(network),
      ...(spec.hostPid === true ? { PidMode: 'host' } : {}),
      Mounts: spec.volumes.flatMap((volume) =>
        volume.name === null ? [] : [{ Type: 'volume' as const, Source: volume.name, Target: volume.target }],
      ),
      ...(spec.host === undefined ? {} : privileges(spec.host)),
      RestartPolicy: { Name: 'no' },
      // A workload that floods its log must not fill the engine's disk.
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
    ...(network.kind === 'network'
      ? { NetworkingConfig: { EndpointsConfig: { [network.id]: { Aliases: [...network.aliases] } } } }
      : {}),
  }
}

function networkMode(network: ContainerSpec['network']): string {
  switch (network.kind) {
    case 'none':
    case 'host':
    case 'bridge':
      return network.kind
    case 'network':
      return network.id
    case 'container':
      return `container:${network.id}`
  }
}

function limits(constraints: Constraints): Dockerode.HostConfig {
  const { mem_limit, memswap_limit, cpus, cpuset, pids_limit, shm_size, ulimits, tmpfs } = constraints
  return {
    ...(mem_limit === undefined ? {} : { Memory: mem_limit }),
    ...(memswap_limit === undefined ? {} : { MemorySwap: memswap_limit }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(cpuset === undefined ? {} : { CpusetCpus: cpuset }),
    ...(pids_limit === undefined ? {} : { PidsLimit: pids_limit }),
    ...(shm_size === undefined ? {} : { ShmSize: shm_size }),
    ...(ulimits === undefined
      ? {}
      : { Ulimits: Object.entries(ulimits).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })) }),
    ...(tmpfs === undefined ? {} : { Tmpfs: { ...tmpfs } }),
  }
}

function security(constraints: Constraints): Dockerode.HostConfig {
  const { read_only, group_add, cap_add, cap_drop, security_opt, sysctls, dns, extra_hosts } = constraints
  return {
    ...(read_only === undefined ? {} : { ReadonlyRootfs: read_only }),
    ...(group_add === undefined ? {} : { GroupAdd: [...group_add] }),
    ...(cap_add === undefined ? {} : { CapAdd: [...cap_add] }),
    ...(cap_drop === undefined ? {} : { CapDrop: [...cap_drop] }),
    ...(security_opt === undefined ? {} : { SecurityOpt: security_opt.map(securityOption) }),
    ...(sysctls === undefined ? {} : { Sysctls: { ...sysctls } }),
    ...(dns === undefined ? {} : { Dns: [...dns] }),
    ...(extra_hosts === undefined
      ? {}
      : { ExtraHosts: Object.entries(extra_hosts).map(([name, address]) => `${name}:${address}`) }),
    ...(constraints.init === undefined ? {} : { Init: constraints.init }),
    ...(constraints.ipc === undefined ? {} : { IpcMode: constraints.ipc }),
    ...(constraints.userns_mode === undefined ? {} : { UsernsMode: constraints.userns_mode }),
    ...(constraints.runtime === undefined ? {} : { Runtime: constraints.runtime }),
  }
}

function privileges(host: HostPrivileges): Dockerode.HostConfig {
  return {
    Binds: host.binds.map(({ source, target }) => `${source}:${target}`),
    ...({ CgroupnsMode: host.cgroupNamespace } as object), // the typed client does not know it
    Devices: host.devices.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rwm' })),
    // What the command line calls systempaths=unconfined.
    MaskedPaths: [],
    ReadonlyPaths: [],
  }
}

/** The API takes a profile's content where the command line takes its path. */
function securityOption(option: SecurityOption): string {
  return option.profile === undefined ? option.text : `seccomp=${option.profile}`
}
