/** A task that the cluster finds no machine for is told as that, in the cluster's words, and nobody waits for a deadline. */
import { afterEach, expect, test, vi } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import type { Api, ApiTask } from '../../../src/engines/swarm/api.ts'
import { Cluster } from '../../../src/engines/swarm/cluster.ts'
import { startedTask } from '../../../src/engines/swarm/tasks.ts'
import { problemOf } from '../../../src/run/problem.ts'

afterEach(() => void vi.useRealTimers())

const { signal } = new AbortController()

/** As Swarm of Docker 26 tells it where a service reserves more memory than a machine has. */
const pending: ApiTask = {
  ...{ ID: 'task', CreatedAt: '2026-01-01T00:00:00Z', DesiredState: 'running' },
  Status: {
    State: 'pending',
    Message: 'pending task scheduling',
    Err: 'no suitable node (insufficient resources on 3 nodes)',
  },
}

test('a cell whose task has no room anywhere is an error that says so', async () => {
  vi.useFakeTimers()
  const ask = async ({ path }: Parameters<Api['ask']>[0]): Promise<unknown> =>
    path.startsWith('/tasks') ? [pending] : { Swarm: { NodeID: 'node' } }
  const cluster = new Cluster([{ name: 'one', engine: { ...createFakeEngine({}), ask: ask as Api['ask'] } }])
  const refused = startedTask(cluster, 'service', { signal }).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(problemOf(await refused, 'start')).toMatchObject({
    ...{ kind: 'error', stage: 'start', reason: 'unobservable' },
    message: 'the cluster has no machine for it: no suitable node (insufficient resources on 3 nodes)',
  })
})
