import { expect, test } from 'vitest'
import { type Asks, patchOf, unwritableFolder } from '../../../src/explain/patch.ts'
import { strictestEnvironment } from '../../../src/explain/requirements.ts'
import { somewhere, stackRow } from '../../support/declared.ts'
import { failing, passing } from '../../support/simulated-cell.ts'

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

test('where a tmpfs hides what the image has there, a volume is asked for', async () => {
  const says = (message: string) => ({ ...failing('s1:a'), message, clues: message })
  const row = stackRow()
  const run = async (asks: Asks) =>
    asks.volumes?.includes('/srv/db') ? passing : says('cannot open /srv/db/VERSION: No such file or directory')
  const patch = await patchOf({
    row,
    environment: strictestEnvironment(somewhere),
    cause: {
      constraints: ['read_only'],
      failure: { answer: says('cannot create /srv/db/lock: Read-only file system'), likeness: 'signature' },
    },
    run,
  })
  expect(patch).toEqual({
    file: `stacks/${row.base}/stack.yaml`,
    yaml: 'service:\n  volumes: [/srv/db]\n',
    passes: true,
  })
})
