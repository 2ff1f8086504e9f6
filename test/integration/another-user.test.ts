/** What somebody is told whom the embedded engine is not open to: that, and nothing of how it stands that cannot be known. */
import { chmodSync } from 'node:fs'
import { expect, test } from 'vitest'
import { matrix } from '../support/matrix.ts'
import { environment, project, serverStack } from '../support/project.ts'

/** Of nobody, who may read the program wherever it lies, and write and connect nowhere. */
const within = [
  'setpriv',
  '--reuid',
  '65534',
  '--regid',
  '65534',
  '--clear-groups',
  '--inh-caps',
  '+dac_read_search',
].concat(['--ambient-caps', '+dac_read_search'])
const denied =
  /^matrix: the embedded engine runs, but this user may not use \/\S+\n {2}Run again as root, or join the group docker\.\n$/

test('its state, and that of hosts in it, is not made up', async () => {
  using made = project({
    ...serverStack('server'),
    ...environment('older', 'engine: { provision: { kind: nested, release: bullseye } }'),
  })
  // access(2) asks without capabilities.
  chmodSync(made.root, 0o755)
  const how = { cwd: made.root, within, env: { DOCKER_HOST: '', HOME: made.root } }
  const { exitCode, stdout, stderr } = await matrix(['env', 'status'], how)
  expect(stderr).toMatch(denied)
  expect(stdout).toMatch(/^embedded engine: pid \d+, is not open to this user\n/)
  expect(stdout).toContain('a run would use: none\n')
  expect(stdout).toMatch(
    /^host docker-bullseye \(older\): unknown, unix:\S+, the engine that it is in, is not open to this user$/m,
  )
  expect(exitCode).toBe(3)
})

test('nothing runs, and nothing is said to be clean', async () => {
  using made = project({ ...serverStack('server'), ...environment('plain', '') })
  const how = { cwd: made.root, within, env: { DOCKER_HOST: '', HOME: made.root } }
  const check = await matrix(['check'], how)
  expect(check).toMatchObject({ exitCode: 3, stdout: '', stderr: expect.stringMatching(denied) })
  expect(await matrix(['clean'], how)).toMatchObject({ exitCode: 3, stderr: expect.stringMatching(denied) })
})
