/** Further parts of the project's own stacks, broken one at a time: exactly the checks that are about that part turn red. */
import { describe, expect, test } from 'vitest'
import { check } from '../support/matrix.ts'
import { type Break, broken, ownBases, ownStacks, reasonOf, redChecks, renamed } from '../support/own-stacks.ts'
import { environment, project } from '../support/project.ts'

const parts: readonly Break[] = [
  {
    row: 'static-site',
    part: 'the limit to TLS 1.2 and newer',
    file: 'stacks/static-site/nginx.conf',
    text: 'ssl_protocols TLSv1.2 TLSv1.3;',
    by: 'ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers DEFAULT@SECLEVEL=0;',
    red: ['a client of TLS 1.1 is turned away'],
    named: /TLS 1\.1/,
  },
  {
    row: 'queue',
    part: 'what keeps jobs on the disk',
    file: 'stacks/queue/start',
    text: 'appendonly yes',
    by: 'appendonly no',
    red: ['what is queued survives a restart'],
    named: /survives a restart/,
  },
  {
    row: 'user-db',
    part: 'who may come in',
    file: 'stacks/user-db/Dockerfile',
    text: 'host app app all trust',
    by: 'host all all all trust',
    red: ['another role is not let in'],
    named: /28000/,
  },
  {
    row: 'api-endpoint-py3',
    part: 'its way into the queue',
    file: 'stacks/api-endpoint/app.py',
    text: 'worker.pack.delay(order["id"]).id',
    by: '"none"',
    red: [
      'a worker packs the order, and its result is fetched',
      "an order is in the database, and its job's result in the queue",
    ],
    named: /a worker packs the order/,
  },
  {
    row: 'web-frontend',
    part: 'the queue that its worker listens to',
    file: 'stacks/web-frontend/start',
    text: '--queue greetings',
    by: '--queue others',
    red: ['the action behind the queue reaches a worker'],
    named: /reaches a worker/,
  },
]

describe('without one part', () => {
  test('each row is red in exactly the checks about it', async () => {
    const ids = ['static-site', 'queue', 'user-db', 'api-endpoint', 'web-frontend']
    using made = project({ ...ownBases, ...environment('plain'), ...broken(ownStacks(ids), parts) })
    const run = await check(made.root, ...parts.map(({ row }) => `${row}@plain`))
    for (const { row, red, named } of parts) {
      const cell = run.cell(`${row}@plain`)
      expect.soft(redChecks(cell), row).toEqual(red)
      expect.soft(reasonOf(cell), row).toMatch(named)
    }
  })
})

const versions = 'Python, Celery, its Redis client, libcurl, OpenCV, FFmpeg, Node.js and Chromium tell their versions'
/** What a worker lacks → the command that takes it away, what its reason tells, and the checks that turn red beside the versions. */
const missing: Readonly<Record<string, readonly [remove: string, named: RegExp, red: readonly string[]]>> = {
  opencv: [
    'rm -r /usr/local/lib/python3.11/dist-packages/cv2',
    /cv2/,
    [
      'OpenCV finds the box in a frame of the clip',
      'the browser renders a page that JavaScript colours',
      'the browser renders the static site',
    ],
  ],
  libcurl: [
    'dpkg --purge --force-depends libcurl3-gnutls',
    /libcurl/,
    ['libcurl fetches a page of the static site', 'a job that fails comes back as a failure'],
  ],
  nodejs: ['rm /usr/bin/node', /node/, ['Node.js runs a program']],
  chromium: [
    'rm /usr/bin/chromium-headless-shell',
    /chromium/,
    ['the browser renders a page that JavaScript colours', 'the browser renders the static site'],
  ],
}

test('background workers that lack a component are red in exactly the checks about it', async () => {
  const workers = ownStacks(['background-workers'])
  const copies = Object.entries(missing).map(([id, [remove]]) =>
    broken(renamed(workers, 'background-workers', `without-${id}`), [
      {
        row: `without-${id}`,
        part: id,
        file: `stacks/without-${id}/Dockerfile`,
        text: 'ENV PYTHONUNBUFFERED=1',
        by: `RUN ${remove}\nENV PYTHONUNBUFFERED=1`,
        red: [],
        named: /./,
      },
    ]),
  )
  const rows = Object.keys(missing).map((id) => `without-${id}@plain`)
  using made = project(
    Object.assign({ ...ownBases, ...environment('plain'), ...ownStacks(['queue', 'static-site']) }, ...copies),
  )
  const run = await check(made.root, ...rows)
  for (const [id, [, named, red]] of Object.entries(missing)) {
    const cell = run.cell(`without-${id}@plain`)
    expect.soft(redChecks(cell), id).toEqual([versions, ...red])
    expect.soft(reasonOf(cell), id).toMatch(named)
  }
})

test('a browser that traps once is started again, and one that always does is red for that reason', async () => {
  const workers = ownStacks(['background-workers'])
  const browser = '/usr/bin/chromium-headless-shell'
  const traps = (id: string, unless: string) =>
    broken(renamed(workers, 'background-workers', id), [
      {
        row: id,
        part: id,
        file: `stacks/${id}/Dockerfile`,
        text: 'ENV PYTHONUNBUFFERED=1',
        by: `RUN mv ${browser} /usr/bin/browser && printf '%s\\n' '#!/bin/sh' '[ "$1" = --version ] || ${unless} || { : > /tmp/trapped; kill -TRAP $$; }' 'exec /usr/bin/browser "$@"' > ${browser} && chmod 755 ${browser}\nENV PYTHONUNBUFFERED=1`,
        red: [],
        named: /./,
      },
    ])
  using made = project({
    ...{ ...ownBases, ...environment('plain'), ...ownStacks(['queue', 'static-site']) },
    ...{ ...traps('once', '[ -e /tmp/trapped ]'), ...traps('always', 'false') },
  })
  const run = await check(made.root, 'once@plain', 'always@plain', '--no-rerun')
  expect(run.cell('once@plain')).toMatchObject({ outcome: 'pass' })
  expect(redChecks(run.cell('always@plain'))).toEqual([
    'the browser renders a page that JavaScript colours',
    'the browser renders the static site',
  ])
  expect(reasonOf(run.cell('always@plain'))).toMatch(/chromium-headless-shell ended with (-5|133)/)
})
