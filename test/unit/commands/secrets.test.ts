import { expect, test } from 'vitest'
import type { Io } from '../../../src/commands/io.ts'
import { neededSecrets, proxyPasswords, readSecrets } from '../../../src/commands/secrets.ts'
import { loadProject } from '../../../src/config/load.ts'
import type { Project } from '../../../src/model/project.ts'
import { makePlan } from '../../../src/plan/plan.ts'
import { project } from '../../support/project.ts'

test('the passwords of proxies are known in every spelling', () => {
  const env = {
    http_proxy: 'http://me:p%40ss@proxy.example:3128',
    HTTPS_PROXY: 'http://proxy.example:3128',
    ALL_PROXY: 'no address',
    no_proxy: 'http://me:other@example.com',
  }
  expect(proxyPasswords({ env })).toEqual(['p%40ss', 'p@ss', Buffer.from('me:p@ss').toString('base64')])
  expect(proxyPasswords({ env: {} })).toEqual([])
})

test('a variable that is empty is not said to be not set', async () => {
  const project = { root: '/', secrets: { one: { env: 'ONE' }, other: { env: 'OTHER' } } } as unknown as Project
  expect(await readSecrets(project, { env: { ONE: '' } } as unknown as Io)).toEqual({
    ok: false,
    problems: [
      'the secret one comes from the variable ONE, which is empty; export ONE=…',
      'the secret other comes from the variable OTHER, which is not set; export OTHER=…',
    ],
  })
})

test('what no selected cell needs does not have to be there', async () => {
  using made = project({
    'matrix.yaml': `
secrets: { used: { env: USED }, sent: { env: SENT }, told: { env: TOLD }, pulled: { env: PULLED } }
notify: [{ webhook: { secret: told } }]
`,
    'stacks/api/stack.yaml':
      'image: x\nenvironment: { A: { secret: used } }\nchecks: [{ name: a, exec: { command: [x] } }]\n',
    'stacks/web/stack.yaml': `
image: x
ports: { http: { port: 80 } }
needs: [api]
checks: [{ name: a, http: { port: http, headers: { A: { secret: sent } } } }]
`,
    'environments/qa.yaml': '{}\n',
    'environments/far.yaml':
      'registry: { address: registry.example.com, login: { username: ci, password: { secret: pulled } } }\n',
  })
  const loaded = await loadProject(made.root, { env: {} })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics))
  const needed = (chosen: string) => {
    const plan = makePlan(loaded.project, {
      chosen: (row, column) => `${row}@${column}` === chosen,
      unsupported: () => new Set(),
    })
    return [...neededSecrets(plan)].sort()
  }
  expect(needed('api@qa')).toEqual(['used'])
  expect(needed('web@qa')).toEqual(['sent', 'used'])
  expect(needed('api@far')).toEqual(['pulled', 'used'])
  const read = await readSecrets(loaded.project, { env: { USED: 'x' } } as unknown as Io, new Set(['used']))
  expect(read).toEqual({ ok: true, values: new Map([['used', 'x']]) })
})
