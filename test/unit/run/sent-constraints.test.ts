/** What an engine is known not to do is not asked of it. */
import { expect, test } from 'vitest'
import type { Copy, RunnableCell } from '../../../src/model/plan.ts'
import { sentConstraints } from '../../../src/run/create-copy.ts'

const sent = (constraints: Copy['config']['constraints'], unsupported: readonly string[]) =>
  sentConstraints({ config: { constraints } } as Copy, { unsupported } as RunnableCell)

test('a limit that it would refuse the container for', () => {
  expect(sent({ cpus: 1, mem_limit: 1024 }, ['cpus'])).toEqual({ mem_limit: 1024 })
})

test('nor a security option that it does not take, beside one that it takes', () => {
  const security_opt = [{ text: 'seccomp:./profile.json', profile: '{}' }, { text: 'no-new-privileges:true' }]
  expect(sent({ security_opt }, ['security_opt:seccomp'])).toEqual({
    security_opt: [{ text: 'no-new-privileges:true' }],
  })
})

test('nor a group that has no id there, beside one that has', () => {
  expect(sent({ user: '1000650000', group_add: ['44', '1000650000'] }, ['user', 'group_add:1000650000'])).toEqual({
    group_add: ['44'],
  })
})

test('but what it only does in another way', () => {
  const constraints = { user: '1000650000:0', ulimits: { nofile: { soft: 1, hard: 1 } } }
  expect(sent(constraints, ['user:no-passwd-entry', 'ulimits:nofile'])).toEqual(constraints)
})
