import { describe, expect, test } from 'vitest'
import type { Engine } from '../../../src/engines/engine.ts'
import { forbiddenBy, succeeds } from '../../../src/run/verify/seccomp.ts'

const call = (profile: object) => forbiddenBy(JSON.stringify(profile))?.calls[0] ?? null
const forbids = (names: readonly string[], rest: object = {}) => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names, action: 'SCMP_ACT_ERRNO', ...rest }],
})

describe('a call that a profile forbids, and that can be tried', () => {
  test.each([
    ['every form of one', forbids(['mkdir', 'mkdirat']), 'mkdir'],
    ['another', forbids(['keyctl', 'socket']), 'socket'],
    [
      'by an old form of a rule',
      { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ name: 'kill', action: 'SCMP_ACT_KILL' }] },
      'kill',
    ],
    [
      'what is not among the allowed',
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['mkdir', 'symlink'], action: 'SCMP_ACT_ALLOW' }] },
      'link',
    ],
  ])('is known: %s', (_, profile, expected) => {
    expect(call(profile)).toBe(expected)
  })

  test.each([
    ['one that lets a form of it through', forbids(['mkdir'])],
    [
      'one for some arguments only',
      forbids(['mkdir', 'mkdirat'], { args: [{ index: 0, value: 0, op: 'SCMP_CMP_EQ' }] }),
    ],
    ['one on some machines only', forbids(['mkdir', 'mkdirat'], { includes: { arches: ['s390x'] } })],
    ['one that makes believe', forbids(['mkdir', 'mkdirat'], { errnoRet: 0 })],
    ['one that makes believe of all else', { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 0 }],
    ['one that only logs', forbids(['mkdir', 'mkdirat'], { action: 'SCMP_ACT_LOG' })],
    ['one whose calls nobody can try', forbids(['keyctl', 'io_uring_setup'])],
    ['an empty one', {}],
  ])('is not known of %s', (_, profile) => {
    expect(call(profile)).toBeNull()
  })
})

test('a call whose trial is not known to have ended is not taken for a forbidden one', async () => {
  async function* nothing() {}
  const containers = {
    create: async () => ({ id: 'c' }),
    start: async () => {},
    followLogs: async () => nothing(),
    inspect: async () => ({ exitCode: null }),
    remove: async () => {},
  }
  const signal = new AbortController().signal
  const trial = {
    command: ['mkdir', '/tried'],
    image: 'i',
    labels: {},
    network: { kind: 'none' },
    options: [],
  } as const
  await expect(succeeds({ containers } as unknown as Engine, { ...trial, signal })).rejects.toThrow('not known')
})
