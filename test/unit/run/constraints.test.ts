import { describe, expect, test } from 'vitest'
import type { ConstraintRecord } from '../../../src/model/run-record.ts'
import { judgeConstraints, type VerifiedCopy } from '../../../src/run/verify/judge.ts'
import { nothingSeen } from '../../../src/run/verify/network.ts'
import { type VerifyInput, verifyConstraints } from '../../../src/run/verify/verify.ts'

const record = (rest: Partial<ConstraintRecord>): ConstraintRecord => ({
  key: 'pids_limit',
  value: 64,
  provenance: 'enforced',
  observed: 64,
  agrees: true,
  ...rest,
})
const unseen = record({ provenance: 'asserted', observed: null, agrees: null })
const copy = (alias: string, records: readonly ConstraintRecord[], rest: Partial<VerifiedCopy> = {}): VerifiedCopy => ({
  alias,
  own: alias === 'api',
  records,
  trouble: null,
  ...rest,
})
const problems = (required: readonly string[], ...copies: readonly VerifiedCopy[]) =>
  judgeConstraints(copies, required).problems.map(({ kind, reason, message }) => [kind, reason, message])

describe('a constraint that is required', () => {
  test('and was seen to be in force is no problem', () => {
    expect(problems(['pids_limit'], copy('api', [record({})]))).toEqual([])
  })

  test.each([
    ['pids_limit', unseen],
    ['network', { ...unseen, key: 'network.egress', value: 'none' }],
    ['network.latency', { ...unseen, key: 'network.latency', provenance: 'emulated' }],
    ['environment', { ...unseen, key: 'environment:TZ' }],
  ] as const)('as %s and could not be seen makes the cell an error', (name, seen) => {
    expect(problems([name], copy('api', [seen]))).toEqual([
      ['error', 'unobservable', `${seen.key} is required, and whether it is in force on api could not be seen`],
    ])
    expect(problems(['read_only'], copy('api', [seen]))).toEqual([])
  })

  test('and is not applied makes the cell an error', () => {
    const seen = record({ key: 'network.latency', provenance: 'unsupported', observed: null, agrees: null })
    expect(problems(['network.latency'], copy('api', [seen]))).toEqual([
      ['error', 'not-enforced', 'network.latency is required, and is not applied to api'],
    ])
  })

  test('is required of what is needed too', () => {
    expect(problems(['pids_limit'], copy('api', [record({})]), copy('db', [unseen]))).toHaveLength(1)
  })
})

describe('the constraints of a cell', () => {
  test('are the row’s own, and what disagrees anywhere', () => {
    const wrong = record({ observed: null, agrees: false })
    const { constraints, problems } = judgeConstraints([copy('db', [wrong]), copy('api', [record({ value: 32 })])], [])
    expect(constraints).toEqual([record({ value: 32 })])
    expect(problems).toMatchObject([{ reason: 'not-in-force', message: expect.stringContaining('on db') }])
    expect(judgeConstraints([copy('api', [record({})]), copy('db', [wrong])], []).constraints).toEqual([wrong])
  })
})

const input: VerifyInput = {
  constraints: {},
  network: { egress: 'open', latencyMs: 20 },
  unsupported: [],
  needs: [],
  delayed: [],
  view: null,
  seen: nothingSeen,
  variables: null,
  profile: null,
  mapsIds: false,
}

describe('a user without a name', () => {
  const of = (unsupported: readonly string[]) =>
    verifyConstraints({ ...input, constraints: { user: '1000650000:0' }, unsupported })
      .filter(({ key }) => key.startsWith('user'))
      .map(({ key, provenance }) => [key, provenance])

  test('is told where the engine names every user, and the number is looked at all the same', () => {
    expect(of(['user:no-passwd-entry'])).toEqual([
      ['user', 'asserted'],
      ['user:no-passwd-entry', 'unsupported'],
    ])
    expect(of([])).toEqual([['user', 'asserted']])
  })
})

describe('a latency', () => {
  const latency = (rest: Partial<VerifyInput>) =>
    verifyConstraints({ ...input, ...rest }).filter(({ key }) => key === 'network.latency')

  test('is claimed of no container that needs nothing', () => {
    expect(latency({})).toEqual([])
  })
  test('is not applied where what is needed cannot be delayed', () => {
    expect(latency({ needs: ['logs'] })).toMatchObject([{ provenance: 'unsupported', observed: null, agrees: null }])
  })
  test('is emulated where it can', () => {
    expect(latency({ needs: ['db'], delayed: ['db'] })).toMatchObject([{ provenance: 'emulated', agrees: null }])
  })
})
