import { expect, test } from 'vitest'
import { proxyPasswords } from '../../../src/commands/secrets.ts'

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
