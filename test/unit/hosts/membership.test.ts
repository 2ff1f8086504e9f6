/** How a machine of a cluster stands. */
import { describe, expect, test } from 'vitest'
import { ailmentOf, isLost } from '../../../src/hosts/swarm-cluster/membership.ts'

const own = { state: 'active', nodeId: 'a', address: '172.18.0.2', isManager: true }
const ready = { id: 'a', status: 'Ready', availability: 'Active' }

describe('a machine', () => {
  test('that is ready for work has no ailment', () => expect(ailmentOf(own, [ready])).toBeNull())
  test.each([
    ['its engine says that it is in no cluster', { ...own, state: 'inactive' }, [ready], 'not-a-member'],
    ['its engine cannot reach the cluster', { ...own, state: 'error' }, [ready], 'not-a-member'],
    ['the manager does not know it', own, [{ ...ready, id: 'b' }], 'not-a-member'],
    ['the manager does not hear it', own, [{ ...ready, status: 'Down' }], 'not-ready'],
    ['somebody drained it', own, [{ ...ready, availability: 'Drain' }], 'not-active'],
    ['somebody paused it', own, [{ ...ready, availability: 'Pause' }], 'not-active'],
  ] as const)('ails where %s', (_, view, seen, ailment) => expect(ailmentOf(view, seen)).toBe(ailment))
})

describe('a manager', () => {
  const member = { name: 'n', container: 'c', address: own.address }
  test('at the address that the others know manages the cluster', () => expect(isLost(own, member)).toBe(false))
  test.each([
    ['has another address than at the start', own, { ...member, address: '172.18.0.3' }],
    ['manages nothing', { ...own, isManager: false }, member],
    ['is in no cluster', { ...own, state: 'inactive' }, member],
  ] as const)('is lost where it %s', (_, view, machine) => expect(isLost(view, machine)).toBe(true))
})
