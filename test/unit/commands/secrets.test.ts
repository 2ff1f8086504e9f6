import { expect, test } from 'vitest'
import type { Io } from '../../../src/commands/io.ts'
import { proxyPasswords, readSecrets } from '../../../src/commands/secrets.ts'
import type { Project } from '../../../src/model/project.ts'

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
