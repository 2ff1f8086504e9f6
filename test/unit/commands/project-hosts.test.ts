/** Which hosts are meant by a name. */
import { expect, test } from 'vitest'
import { projectHosts } from '../../../src/commands/hosts.ts'
import type { Io } from '../../../src/commands/io.ts'
import { environment, project, serverStack } from '../../support/project.ts'

const nested = (release: string) => `engine: { provision: { kind: nested, engine: docker, release: ${release} } }`
// The environment `docker-trixie` is called as the host of `qa` is.
const files = {
  ...serverStack('api'),
  ...environment('qa', nested('trixie')),
  ...environment('docker-trixie', nested('bookworm')),
}

async function hostsOf(only: readonly string[]) {
  using made = project(files)
  let said = ''
  const stderr = (text: string) => {
    said += text
  }
  const io = { cwd: made.root, env: { MATRIX_ENGINE_DIR: made.root }, stderr } as unknown as Io
  const hosts = await projectHosts(only, io)
  return { said, hosts: hosts?.map(({ name, environments }) => [name, ...environments]) ?? null }
}

test.each([
  {
    only: [],
    hosts: [
      ['docker-bookworm', 'docker-trixie'],
      ['docker-trixie', 'qa'],
    ],
  },
  { only: ['qa'], hosts: [['docker-trixie', 'qa']] },
  { only: ['docker-bookworm'], hosts: [['docker-bookworm', 'docker-trixie']] },
  // What an environment is called means that one.
  { only: ['docker-trixie'], hosts: [['docker-bookworm', 'docker-trixie']] },
])('$only', async ({ only, hosts }) => {
  expect(await hostsOf(only)).toEqual({ said: '', hosts })
})

test('a name that nothing has is an error that tells those that there are', async () => {
  const { said, hosts } = await hostsOf(['docker-bullseye'])
  expect(hosts).toBeNull()
  expect(said).toBe(
    'matrix: there is no environment and no host "docker-bullseye"; there are: docker-trixie, docker-bookworm, qa\n',
  )
})
