import { expect, test } from 'vitest'
import type { Engine } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import type { Api, ApiTask } from '../../../src/engines/swarm/api.ts'
import { Cluster } from '../../../src/engines/swarm/cluster.ts'
import { startAgain } from '../../../src/engines/swarm/restart.ts'

const { signal } = new AbortController()

/** A manager that shuts a task down only after it was asked for it a few times, and notes what it is told. */
function manager(): { readonly engine: Engine & Api; readonly heard: string[] } {
  const heard: string[] = []
  const fake = createFakeEngine({})
  const task = (ID: string, DesiredState: string): ApiTask => ({
    ...{ ID, DesiredState, CreatedAt: `2026-01-0${ID.slice(-1)}T00:00:00Z`, NodeID: 'node' },
    Status: { State: 'running', ContainerStatus: { ContainerID: `container-${ID}` } },
  })
  let looks = 0
  const service = { ID: 'service', Spec: { TaskTemplate: { Networks: [] } }, Version: { Index: 1 } }
  const ask = async ({ method, path }: Parameters<Api['ask']>[0]): Promise<unknown> => {
    if (path.startsWith('/info')) return { Swarm: { NodeID: 'node' } }
    if (path.startsWith('/tasks')) {
      if (heard.includes('update')) return [task('task-2', 'running')]
      looks += 1
      const desired = looks < 3 ? 'running' : 'shutdown'
      heard.push(`the task is to be ${desired}`)
      return [task('task-1', desired)]
    }
    if (method === 'POST') heard.push('update')
    return service
  }
  const containers = {
    ...fake.containers,
    inspect: async () => ({ startedAt: '2026-01-02T00:00:00Z' }) as never,
  }
  return { engine: { ...fake, containers, ask: ask as Api['ask'] }, heard }
}

test('a service is started anew only once the manager has shut its stopped task down', async () => {
  const { engine, heard } = manager()
  const node = { name: 'one', engine }
  const cluster = new Cluster([node])
  await startAgain(cluster, 'service', { place: { node, containerId: 'container-task-1' }, signal })
  expect(heard).toEqual([
    ...['the task is to be running', 'the task is to be running', 'the task is to be shutdown'],
    'update',
  ])
})
