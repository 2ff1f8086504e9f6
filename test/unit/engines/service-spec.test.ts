/** What a container of the port becomes as a service of a cluster. */
import { describe, expect, test } from 'vitest'
import type { ContainerSpec } from '../../../src/engines/engine.ts'
import { clusterName } from '../../../src/engines/swarm/api.ts'
import { serviceSpec, tmpfsMount, unsupportedBy } from '../../../src/engines/swarm/service-spec.ts'
import type { Constraints } from '../../../src/model/constraint.ts'

const spec = (constraints: Constraints, rest: Partial<ContainerSpec> = {}): ContainerSpec => ({
  name: 'matrix-2026-11-25-005516-818c-queue.onsite-cluster-queue',
  image: 'sha256:1',
  labels: { 'matrix.run': 'r' },
  environment: { A: '1=2' },
  constraints,
  network: { kind: 'network', id: 'n', aliases: ['queue'] },
  volumes: [],
  ...rest,
})
const placed = { imageId: 'sha256:1', network: { id: 'n', aliases: ['queue'] }, avoid: ['x', 'y'] }
const template = (constraints: Constraints, rest?: Partial<ContainerSpec>) =>
  serviceSpec(spec(constraints, rest), placed).TaskTemplate

describe('a service', () => {
  test('has a name that a cluster takes, and keeps the real one as a label', () => {
    const service = serviceSpec(spec({}), placed)
    expect(service.Name).toMatch(/^[a-z0-9-]{1,63}$/)
    expect(service.Name).toBe(clusterName(service.Labels['matrix.name'] ?? ''))
    expect(clusterName('a')).not.toBe(clusterName('b'))
  })

  test('runs one task that is never replaced, found by its alias and not by a virtual address', () => {
    const { EndpointSpec, Mode, TaskTemplate } = serviceSpec(spec({}), placed)
    expect({ EndpointSpec, Mode }).toEqual({ EndpointSpec: { Mode: 'dnsrr' }, Mode: { Replicated: { Replicas: 0 } } })
    expect(TaskTemplate).toMatchObject({
      RestartPolicy: { Condition: 'none' },
      Networks: [{ Target: 'n', Aliases: ['queue'] }],
      Placement: { Constraints: ['node.id!=x', 'node.id!=y'] },
    })
  })

  test('reserves nothing, so that what is granted much and takes little has a machine', () => {
    expect(template({ mem_limit: 2 ** 50, cpus: 64 }).Resources).toEqual({
      Limits: { MemoryBytes: 2 ** 50, NanoCPUs: 64e9 },
    })
  })

  test('carries every constraint that a service can say', () => {
    const { ContainerSpec, Resources, Placement } = template({
      mem_limit: 64,
      cpus: 0.5,
      pids_limit: 9,
      user: '1000:0',
      group_add: ['5'],
      read_only: true,
      cap_add: ['CHOWN'],
      cap_drop: ['ALL'],
      security_opt: [{ text: 'no-new-privileges:true' }, { text: 'seccomp:./p.json', profile: '{}' }],
      sysctls: { 'net.x': '1' },
      ulimits: { nofile: { soft: 1, hard: 2 } },
      dns: ['9.9.9.9'],
      extra_hosts: { there: '10.0.0.1' },
      hostname: 'h',
      init: true,
      stop_signal: 'SIGINT',
      stop_grace_period: 1500,
      platform: 'linux/amd64',
    })
    expect(Resources).toEqual({ Limits: { MemoryBytes: 64, NanoCPUs: 5e8, Pids: 9 } })
    expect(Placement.Platforms).toEqual([{ OS: 'linux', Architecture: 'amd64' }])
    expect(ContainerSpec).toMatchObject({
      Env: ['A=1=2'],
      User: '1000:0',
      Groups: ['5'],
      ReadOnly: true,
      CapabilityAdd: ['CHOWN'],
      CapabilityDrop: ['ALL'],
      Privileges: { NoNewPrivileges: true, Seccomp: { Mode: 'custom', Profile: Buffer.from('{}').toString('base64') } },
      Sysctls: { 'net.x': '1' },
      Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
      DNSConfig: { Nameservers: ['9.9.9.9'] },
      Hosts: ['10.0.0.1 there'],
      Hostname: 'h',
      Init: true,
      StopSignal: 'SIGINT',
      StopGracePeriod: 15e8,
    })
  })

  test('mounts volumes, and a tmpfs in the place of shared memory', () => {
    const volumes = [
      { name: 'v', target: '/v' },
      { name: null, target: '/a' },
    ]
    expect(template({ shm_size: 1024 }, { volumes }).ContainerSpec['Mounts']).toEqual([
      { Type: 'volume', Source: 'v', Target: '/v' },
      { Type: 'volume', Target: '/a' },
      { Type: 'tmpfs', Target: '/dev/shm', TmpfsOptions: { SizeBytes: 1024, Mode: 0o1777 } },
    ])
  })

  test('says what it cannot say', () => {
    const anywhere = ['memswap_limit', 'cpuset', 'runtime', 'network_mode']
    expect(unsupportedBy('26.1.5')).toEqual(expect.arrayContaining(anywhere))
    expect(unsupportedBy('26.1.5')).not.toContain('security_opt:no-new-privileges')
    expect(unsupportedBy('20.10.24+dfsg1')).toEqual(
      expect.arrayContaining([...anywhere, 'security_opt:no-new-privileges', 'security_opt:seccomp']),
    )
  })
})

describe('a tmpfs', () => {
  test('of a size and a mode is a mount of the service', () => {
    expect(tmpfsMount('/t', '')).toEqual({ Type: 'tmpfs', Target: '/t', TmpfsOptions: {} })
    expect(tmpfsMount('/t', 'size=16m,mode=1777,nosuid')).toEqual({
      Type: 'tmpfs',
      Target: '/t',
      TmpfsOptions: { SizeBytes: 16 * 1024 ** 2, Mode: 0o1777 },
    })
  })

  test('of other options is a volume that is one', () => {
    expect(tmpfsMount('/t', 'size=10%,exec,uid=5')).toMatchObject({
      Type: 'volume',
      Target: '/t',
      VolumeOptions: {
        NoCopy: true,
        DriverConfig: { Options: { type: 'tmpfs', device: 'tmpfs', o: 'nosuid,nodev,rw,size=10%,exec,uid=5' } },
      },
    })
  })
})
