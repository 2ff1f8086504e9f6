import { describe, expect, test } from 'vitest'
import type { Constraints } from '../../../src/model/constraint.ts'
import type { Environment, Project } from '../../../src/model/project.ts'
import { type EngineKind, grantedCapabilities } from '../../../src/plan/engine-defaults.ts'
import { variableOf } from '../../../src/plan/vary.ts'
import { environmentOf, stackRow } from '../../support/declared.ts'

function variable(
  constraints: Constraints,
  over: Partial<Environment> = {},
  ask: Constraints = {},
  engine?: EngineKind,
) {
  const row = stackRow({ service: { constraints: ask, volumes: [] } })
  const environment = environmentOf({ constraints, ...over })
  const project: Project = {
    root: '/',
    id: 'p',
    rows: [row],
    environments: [environment],
    exclusions: [{ stack: 'api', environment: 'qa', reason: 'to be ignored' }],
    secrets: {},
    bases: {},
    waivers: [],
    history: { reports: 30, runs: 90, maxAgeMs: null },
    notify: [],
    registry: null,
  }
  const varied = variableOf(project, { row: 'api', environment: 'qa' }, engine)
  const under = (kept: readonly string[], values = {}) =>
    varied.cell(new Set(kept), values).copies[0]?.config.constraints
  return { ...varied, under }
}

describe('an environment with only some of its atoms', () => {
  test('has the entries that are kept, and nothing else', () => {
    const { atoms, under } = variable({
      read_only: true,
      tmpfs: { '/run': '', '/tmp': 'size=1m' },
      ulimits: { nofile: { soft: 10, hard: 20 } },
      security_opt: [{ text: 'no-new-privileges:true' }],
      dns: ['10.0.0.1'],
      environment: { LANG: 'C' },
    })
    expect(atoms).toEqual([
      'read_only',
      'tmpfs:/run',
      'tmpfs:/tmp',
      'ulimits:nofile',
      'security_opt:no-new-privileges',
      'dns:10.0.0.1',
      'environment:LANG',
    ])
    expect(under([])).toEqual({})
    expect(under(['tmpfs:/tmp', 'environment:LANG'])).toEqual({
      tmpfs: { '/tmp': 'size=1m' },
      environment: { LANG: 'C' },
    })
  })

  test('drops ALL capabilities one by one, and under one name only while all of them are dropped', () => {
    const { atoms, under } = variable({ cap_drop: ['ALL'] })
    expect(atoms).toEqual(grantedCapabilities({ family: 'docker', major: null }).map((name) => `cap_drop:${name}`))
    expect(under(atoms)).toEqual({ cap_drop: ['ALL'] })
    expect(under(['cap_drop:CHOWN'])).toEqual({ cap_drop: ['CHOWN'] })
  })

  test('keeps what the stack asks for', () => {
    const { under } = variable({ tmpfs: { '/run': '' } }, {}, { tmpfs: { '/tmp': '' }, cap_drop: ['ALL'] })
    expect(under([])).toEqual({ tmpfs: { '/tmp': '' }, cap_drop: ['ALL'] })
  })

  test('counts the memory that is sold as a limit where it cuts an ask', () => {
    const sells = { sells: { mem_max: 100 } }
    expect(variable({}, sells, { mem_limit: 50 }).atoms).toEqual([])
    const capped = variable({}, sells, { mem_limit: 200 })
    expect(capped.atoms).toEqual(['mem_limit'])
    expect(capped.values).toEqual({ mem_limit: 100 })
    expect([capped.under([]), capped.under(['mem_limit']), capped.under(['mem_limit'], { mem_limit: 150 })]).toEqual([
      { mem_limit: 200 },
      { mem_limit: 100 },
      { mem_limit: 150 },
    ])
  })

  test('counts the memory of a stack that asks for none as a limit', () => {
    const { atoms, values, under } = variable({}, { sells: { mem_max: 400, mem_default: 100 } })
    expect([atoms, values]).toEqual([['mem_limit'], { mem_limit: 100 }])
    expect([under([]), under(['mem_limit']), under(['mem_limit'], { mem_limit: 150 })]).toEqual([
      {},
      { mem_limit: 100 },
      { mem_limit: 150 },
    ])
  })

  test('limits swap only beside memory', () => {
    const { under } = variable({ mem_limit: 100, memswap_limit: 150 })
    expect(under(['memswap_limit'])).toEqual({})
    expect(under(['mem_limit', 'memswap_limit'], { mem_limit: 200 })).toEqual({ mem_limit: 200, memswap_limit: 250 })
  })

  test('lets traffic out once network.egress is lifted', () => {
    const { atoms, cell } = variable({}, { network: { egress: 'none' } })
    expect(atoms).toEqual(['network.egress'])
    expect([cell(new Set(atoms), {}).network.egress, cell(new Set(), {}).network.egress]).toEqual(['none', 'open'])
  })
})

test('numbers are those of ordinal constraints, and can be set', () => {
  const { values, under } = variable({
    cpus: 0.5,
    pids_limit: 10,
    read_only: true,
    tmpfs: { '/run': 'mode=1777,size=2m', '/tmp': '' },
    ulimits: { nofile: { soft: 10, hard: 20 } },
  })
  expect(values).toEqual({ cpus: 0.5, pids_limit: 10, 'tmpfs:/run': 2 * 1024 ** 2, 'ulimits:nofile': 10 })
  expect(under(['tmpfs:/run', 'ulimits:nofile'], { 'tmpfs:/run': 5, 'ulimits:nofile': 30 })).toEqual({
    tmpfs: { '/run': 'mode=1777,size=5' },
    ulimits: { nofile: { soft: 30, hard: 30 } },
  })
})

test('the defaults of an engine are atoms of their own, given back when they are lifted', () => {
  const podman = { family: 'podman', major: 4 } as const
  const { atoms, under } = variable({ cap_drop: ['NET_RAW'], pids_limit: 10 }, {}, {}, podman)
  expect(atoms).toEqual([
    'cap_drop:NET_RAW',
    'pids_limit',
    'default:cap_drop:AUDIT_WRITE',
    'default:cap_drop:MKNOD',
    'default:sysctls:net.ipv4.ip_unprivileged_port_start',
  ])
  expect(under(atoms)).toEqual({ cap_drop: ['NET_RAW'], pids_limit: 10 })
  expect(under(['default:cap_drop:MKNOD'])).toEqual({
    cap_add: ['AUDIT_WRITE'],
    sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
  })
})
