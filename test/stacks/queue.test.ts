/** The queue on a busy machine: a server that is slow to answer is not a dead one. */
import { expect, test } from 'vitest'
import { check } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project } from '../support/project.ts'

// The processor is taken from it for a while, as an emulated or crowded machine does.
const silent = `
  - name: a master that is silent for three seconds stays the master
    steps:
      - redis: { port: sentinel, commands: [INFO sentinel] }
        eventually: 30s
        expect: { replies: { matches: "^master0:name=queue,status=ok,.*,slaves=1,sentinels=1\\\\r?$" } }
      - signal: { process: redis-one, name: SIGSTOP }
      - exec: { command: [sleep, "3"] }
        timeout: 20s
      - redis: { port: sentinel, commands: [INFO sentinel] }
        expect: { replies: { matches: "^master0:name=queue,status=ok,address=[^,]*:6379,.*\\r?$" } }
      - signal: { process: redis-one, name: SIGCONT }
`

test('a master that is silent for a while is not replaced', async () => {
  const own = ownStacks(['queue'])
  const yaml = own['stacks/queue/stack.yaml'] ?? ''
  const only = yaml.replace(/^checks:\n[\s\S]*$/m, `checks:${silent}`)
  using tested = project({ ...ownBases, ...own, 'stacks/queue/stack.yaml': only, ...environment('here') })
  const { cell } = await check(tested.root, '--no-rerun')
  expect(cell('queue@here')).toMatchObject({ outcome: 'pass', message: null })
})
