import { describe, expect, it } from 'vitest'
import type { Constraints } from '../../../src/model/constraint.ts'
import { compareEnvironments, propertiesOf } from '../../../src/plan/compare-environments.ts'
import { type EngineKind, engineDefaults, portStart } from '../../../src/plan/engine-defaults.ts'
import { environmentOf } from '../../support/declared.ts'

const environment = (id: string, constraints: Constraints = {}) => environmentOf({ id, title: id, constraints })
const docker: EngineKind = { family: 'docker', major: 20 }
const podman: EngineKind = { family: 'podman', major: 5 }
const differing = (before: EngineKind | null, after: EngineKind | null, constraints: Constraints = {}) =>
  compareEnvironments(
    { environment: environment('a', constraints), engine: before },
    { environment: environment('b', constraints), engine: after },
  )
    .filter(({ differs }) => differs)
    .map(({ property }) => property)

describe('two environments that impose the same', () => {
  it('do not differ on one engine', () => {
    expect(differing(docker, docker)).toEqual([])
  })

  it('differ on two by what the engines do by themselves', () => {
    expect(differing(docker, { family: 'docker', major: 26 })).toEqual(['io_uring'])
    expect(differing(docker, podman)).toEqual(expect.arrayContaining(['capabilities', portStart, 'pids_limit']))
  })

  it('do not differ any more where the defaults of one are imposed on both', () => {
    const imposed = Object.assign({}, ...engineDefaults(podman).map((one) => one.imposed ?? {})) as Constraints
    const left = differing(docker, podman, imposed)
    expect(left).not.toContain('capabilities')
    expect(left).not.toContain('pids_limit')
    expect(left).not.toContain(portStart)
  })
})

describe('two environments that say the same', () => {
  const side = (rest: object) => ({ environment: environment('a', { cpus: 1 }), engine: podman, ...rest })

  it('differ where one of their engines does not enforce it', () => {
    const rows = compareEnvironments(side({}), side({ unenforced: new Set(['cpus', 'pids_limit']) }))
    expect(rows.filter(({ differs }) => differs)).toEqual([
      {
        property: 'pids_limit',
        before: { value: 2048, from: 'default' },
        after: { value: 2048, from: 'default', enforced: false },
        differs: true,
      },
      {
        property: 'cpus',
        before: { value: 1, from: 'imposed' },
        after: { value: 1, from: 'imposed', enforced: false },
        differs: true,
      },
    ])
  })

  it('differ where what is sold is a limit that an engine does not enforce', () => {
    const sold = { environment: environmentOf({ id: 'a', sells: { mem_max: 2, mem_default: 1 } }), engine: podman }
    const rows = compareEnvironments(sold, { ...sold, unenforced: new Set(['mem_limit']) })
    expect(rows.filter(({ differs }) => differs).map(({ property, after }) => [property, after?.enforced])).toEqual([
      ['sells.mem_max', false],
      ['sells.mem_default', false],
    ])
  })

  it('do not differ where no limit is there that could be enforced', () => {
    const unlimited = { environment: environment('a'), engine: docker }
    const rows = compareEnvironments(unlimited, { ...unlimited, unenforced: new Set(['pids_limit', 'mem_limit']) })
    expect(rows.filter(({ differs }) => differs)).toEqual([])
  })

  it('differ by what their places are', () => {
    const rows = compareEnvironments(side({ facts: { machines: 1 } }), side({ facts: { machines: 3 } }))
    expect(rows.filter(({ differs }) => differs)).toMatchObject([
      { property: 'machines', before: { value: 1, from: 'fact' }, after: { value: 3, from: 'fact' } },
    ])
  })
})

describe('the properties of an environment', () => {
  it('name what stands in place of a default', () => {
    const side = { environment: environment('a', { pids_limit: 64 }), engine: podman }
    expect(propertiesOf(side).get('pids_limit')).toEqual({ value: 64, from: 'imposed' })
    expect(propertiesOf(side).get('shm_size')).toEqual({ value: 64 * 1024 ** 2, from: 'default' })
  })

  it('reckon capabilities as an engine does', () => {
    const left = (constraints: Constraints) =>
      propertiesOf({ environment: environment('a', constraints), engine: docker }).get('capabilities')?.value
    expect(left({ cap_drop: ['ALL'] })).toEqual([])
    expect(left({ cap_drop: ['ALL'], cap_add: ['CHOWN'] })).toEqual(['CHOWN'])
    expect(left({ cap_drop: ['CHOWN'] })).not.toContain('CHOWN')
    expect(left({ cap_add: ['NET_ADMIN'] })).toContain('NET_ADMIN')
  })

  it('are no defaults where the engine is not known', () => {
    expect([...propertiesOf({ environment: environment('a'), engine: null }).keys()]).toEqual([
      'network.egress',
      'time_scale',
    ])
  })
})
