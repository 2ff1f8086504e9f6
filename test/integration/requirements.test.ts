/** What a stack needs, found on a real engine: a server that writes to one folder, keeps some files open and asks for one capability. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Requirements } from '../../src/explain/requirements.ts'
import { readRequirements } from '../../src/record/requirements.ts'
import { matrix } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const files = {
  ...environment('plain'),
  ...serverStack('writer', {
    dockerfile: 'FROM debian:bookworm-slim\nCOPY server.pl /server.pl\n',
    yaml: `command: [sh, -c, 'mkdir -p /var/state/a && touch /tmp/b && chown nobody /tmp/b && exec perl /server.pl']`,
  }),
  ...serverStack('broken', {
    dockerfile: 'FROM debian:bookworm-slim\nCOPY server.pl /server.pl\n',
    yaml: 'command: [sh, -c, exit 3]',
  }),
}

let made: TestProject
beforeAll(() => {
  made = project(files)
})
afterAll(() => made?.[Symbol.dispose]())

test('the least that it passes with is found, and passes at once', async () => {
  const { exitCode, stdout, stderr } = await matrix(['requirements', 'writer', '--json'], { cwd: made.root })
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' })
  const found = JSON.parse(stdout) as Requirements
  const least = Object.fromEntries(found.rows.map((one) => [one.what, one.least]))
  expect(found).toMatchObject({ together: true, complete: true, egress: 'none' })
  expect(least).toMatchObject({
    user: expect.stringContaining('root'),
    capabilities: 'CHOWN',
    'way out': 'none',
    'gain of privileges': 'none',
  })
  expect(Object.keys(found.asks.tmpfs ?? {}).toSorted()).toEqual(['/tmp', '/var'])
  expect(least['folders to write to']?.split(', ').toSorted()).toEqual(['/tmp', '/var'])
  expect(found.constraints.cap_drop).not.toContain('CHOWN')
  expect(found.constraints.mem_limit).toBeLessThan(64 * 1024 ** 2)
  const kept = readRequirements(join(made.root, 'reports')).get('writer')
  expect(kept).toMatchObject({ rows: found.rows, together: true, complete: true })
  expect(kept?.imageId).toMatch(/^sha256:[0-9a-f]{64}$/)
})

test('of a stack that fails with no constraint nothing is found, exit code 1', async () => {
  const { exitCode, stderr } = await matrix(['requirements', 'broken'], { cwd: made.root })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('broken fails with no constraint at all')
  expect(readRequirements(join(made.root, 'reports')).has('broken')).toBe(false)
})
