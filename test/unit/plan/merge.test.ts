import { describe, expect, it } from 'vitest'
import type { Environment, StackRow } from '../../../src/model/project.ts'
import { mergeConfig } from '../../../src/plan/merge.ts'
import { environmentOf, stackRow } from '../../support/declared.ts'

const asking = (constraints: StackRow['service']['constraints']) => stackRow({ service: { constraints, volumes: [] } })

describe('mergeConfig', () => {
  it('takes the smaller of two limits and reports the refused ask', () => {
    const merged = mergeConfig(
      asking({ pids_limit: 200, cpus: 0.5 }),
      environmentOf({ constraints: { pids_limit: 100, cpus: 2 } }),
      'workload',
    )
    expect(merged.constraints).toEqual({ pids_limit: 100, cpus: 0.5 })
    expect(merged.findings.map((finding) => finding.code)).toEqual(['ask-refused'])
  })

  it('gives the memory that a stack asks for, up to what the environment sells', () => {
    const ask = asking({ mem_limit: 512 })
    expect(mergeConfig(ask, environmentOf({ sells: { mem_max: 1024 } }), 'workload').constraints.mem_limit).toBe(512)
    expect(mergeConfig(ask, environmentOf({ sells: { mem_max: 256 } }), 'workload').constraints.mem_limit).toBe(256)
  })

  it('gives a stack that asks for no memory what the environment gives such a one, and never more than it sells', () => {
    const given = (sells: Environment['sells']) =>
      mergeConfig(asking({}), environmentOf({ sells }), 'workload').constraints.mem_limit
    expect(given({ mem_max: 1024, mem_default: 512 })).toBe(512)
    expect(given({ mem_max: 1024 })).toBe(1024)
    expect(given({ mem_default: 512 })).toBe(512)
    expect(given({})).toBeUndefined()
  })

  it('lets a fixed memory limit win over the ask and over what is sold', () => {
    const fixed = environmentOf({ constraints: { mem_limit: 2048 }, sells: { mem_max: 256 } })
    expect(mergeConfig(asking({ mem_limit: 512 }), fixed, 'workload').constraints.mem_limit).toBe(2048)
  })

  it('unites entries, the environment first', () => {
    const merged = mergeConfig(
      asking({ tmpfs: { '/tmp': '', '/run': 'size=1m' }, sysctls: { a: '1' } }),
      environmentOf({ constraints: { tmpfs: { '/run': 'size=2m' }, sysctls: { b: '2' } } }),
      'workload',
    )
    expect(merged.constraints).toEqual({ tmpfs: { '/tmp': '', '/run': 'size=2m' }, sysctls: { a: '1', b: '2' } })
  })

  it('grants only the capabilities that the environment allows', () => {
    const merged = mergeConfig(
      asking({ cap_add: ['CHOWN', 'NET_RAW'] }),
      environmentOf({ allow: { cap_add: ['CHOWN'] } }),
      'workload',
    )
    expect(merged.constraints.cap_add).toEqual(['CHOWN'])
    expect(merged.findings).toHaveLength(1)
    expect(merged.findings[0]?.message).toContain('NET_RAW')
  })

  it('moves the port of the workload that has a variable, and not the ports of what it needs', () => {
    const listening = stackRow({
      ports: { http: { port: 5000, env: 'PORT', protocol: 'tcp' }, admin: { port: 9000, protocol: 'tcp' } },
    })
    const moved = environmentOf({ contract: { port: 8080 } })
    expect(mergeConfig(listening, moved, 'workload')).toMatchObject({
      ports: { http: 8080, admin: 9000 },
      environment: { PORT: '8080' },
    })
    expect(mergeConfig(listening, moved, 'need')).toMatchObject({
      ports: { http: 5000 },
      environment: { PORT: '5000' },
    })
  })

  it('lets the environment win over a variable of the stack', () => {
    const merged = mergeConfig(
      stackRow({ environment: { LANG: 'C', A: '1' } }),
      environmentOf({ constraints: { environment: { LANG: 'de_DE' } } }),
      'workload',
    )
    expect(merged.environment).toEqual({ LANG: 'de_DE', A: '1' })
  })
})
