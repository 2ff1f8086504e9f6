import { expect, test } from 'vitest'
import { unwritableFolder } from '../../../src/explain/patch.ts'

test.each([
  ['nginx: [emerg] mkdir() "/var/lib/nginx/body" failed (30: Read-only file system)', '/var/lib/nginx'],
  ['nginx: [emerg] open() "/run/nginx.pid" failed (30: Read-only file system)', '/run'],
  ['sh: 1: cannot create /var/state/b: Read-only file system', '/var/state'],
  ["mkdir: cannot create directory '/var/cache/app': Read-only file system", '/var/cache'],
  ["OSError: [Errno 30] Read-only file system: '/home/app/.cache'", '/home/app'],
  [
    'FATAL: could not create lock file "/var/run/postgresql/.s.PGSQL.5432.lock": Read-only file system',
    '/var/run/postgresql',
  ],
  ["FileNotFoundError: No usable temporary directory found in ['/tmp', '/var/tmp', '/']", '/tmp'],
  ['sh: 1: cannot create /state: Read-only file system', null],
  ['open /data/x: permission denied', null],
])('of "%s" the folder that has to be writable is %s', (text, folder) => {
  expect(unwritableFolder(text)).toBe(folder)
})
