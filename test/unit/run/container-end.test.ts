import { expect, test } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { ensureHelperImage } from '../../../src/images/helper.ts'
import { describeEnd } from '../../../src/run/container-end.ts'
import { DeathWatch } from '../../../src/run/death-watch.ts'

const words = {
  stdout: ['listening'],
  stderr: ['warming up', 'login of app with hunter2 was refused', '  '],
  exitCode: 3,
}

test('a container that ended tells its last words, and no secret in them', async () => {
  const signal = new AbortController().signal
  const engine = createFakeEngine({ serve: words })
  const { id } = await engine.containers.create(
    {
      name: 'api',
      image: await ensureHelperImage(engine, { signal }),
      labels: {},
      command: ['serve'],
      environment: { PASSWORD: 'hunter2' },
      constraints: {},
      network: { kind: 'none' },
      volumes: [],
    },
    { signal },
  )
  const deaths = await DeathWatch.start(engine, { labels: {}, signal })
  await engine.containers.start(id, { signal })
  const config = { constraints: {}, volumes: [], ports: {}, environment: {}, findings: [] }
  const end = await describeEnd(
    { alias: 'api', config },
    { session: { engine, deaths }, containerId: id, signal, redact: ['hunter2'] },
  )
  expect(end).toEqual({
    reason: 'exited',
    message: 'api ended with exit code 3: login of app with [secret] was refused',
  })
})
