import { expect, test } from 'vitest'
import type { Copy } from '../../../src/model/plan.ts'
import { undelayed } from '../../../src/plan/delays.ts'

const copy = (alias: string, rest: { after?: readonly string[]; ports?: Copy['config']['ports']; udp?: true } = {}) =>
  ({
    role: alias === 'api' ? 'workload' : 'need',
    alias,
    row: alias,
    buildKey: '',
    config: {
      constraints: {},
      volumes: [],
      ports: rest.ports ?? {},
      environment: {},
      findings: [],
      ...(rest.udp ? { takesDatagrams: true } : {}),
    },
    after: rest.after ?? [],
  }) satisfies Copy

const slow = { egress: 'open', latencyMs: 20 } as const
const db = copy('db', { ports: { sql: 5432 } })

test.each([
  ['where nothing is needed', [copy('api', { ports: { http: 80 } })], [/nothing is needed/]],
  ['of two that are looked at side by side', [db, copy('queue', { ports: { amqp: 5672 } })], [/nothing is needed/]],
  ['where all of it can be delayed', [db, copy('api', { after: ['db'] })], []],
  ['where something declares no port', [db, copy('job'), copy('api', { after: ['db', 'job'] })], [/the way to job,/]],
  [
    'where something takes datagrams',
    [{ ...copy('dns', { ports: { dns: 53 }, udp: true }) }, copy('api', { after: ['dns'] })],
    [/the way to dns,/],
  ],
])('what a latency does not delay is told: %s', (_, copies, told) => {
  expect(undelayed(slow, copies).map(({ message }) => message)).toEqual(told.map((one) => expect.stringMatching(one)))
  expect(undelayed({ egress: 'open' }, copies)).toEqual([])
})
