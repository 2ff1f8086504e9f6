import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Io } from '../../../src/commands/io.ts'
import { runList } from '../../../src/commands/list.ts'
import { environment, project, serverStack } from '../../support/project.ts'

const startedAt = '2020-01-31T12:00:00.000Z'
const answered = { run: 'r1', startedAt, outcome: 'pass', signature: null, fingerprint: null, durationMs: 1 }

test('what each cell answered last stands in the matrix, and ? where it does not count any more', async () => {
  using made = project({
    ...serverStack('api'),
    ...environment('qa'),
    ...environment('vm'),
    ...environment('laptop'),
  })
  mkdirSync(join(made.root, 'reports'))
  const lines = [
    { ...answered, cell: 'api@qa' },
    { ...answered, cell: 'api@vm', declared: 'd1:of another Dockerfile' },
  ]
  writeFileSync(join(made.root, 'reports/history.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  let said = ''
  const stdout = (text: string) => {
    said += text
  }
  const stderr = (text: string) => expect(text).toBe('')
  const io = { cwd: made.root, env: {}, color: false, isTTY: { stdout: false }, stdout, stderr } as unknown as Io
  expect(await runList({}, io)).toBe(0)
  expect(said).toMatch(/│ +│ laptop +│ qa +│ vm +│/)
  expect(said).toMatch(/api +│ \? +│ ✔ pass +│ \? +│/)
  expect(said).toContain('? what the project declares for it has changed since: api@vm')
  said = ''
  writeFileSync(join(made.root, 'matrix.yaml'), 'history: { max_age: 168h }\n')
  expect(await runList({ json: true }, io)).toBe(0)
  const { cells } = JSON.parse(said) as { readonly cells: readonly { readonly last: unknown }[] }
  const last = { run: 'r1', startedAt, outcome: 'pass', waived: false }
  expect(cells.map((cell) => cell.last)).toEqual([
    null,
    { ...last, stale: expect.stringMatching(/^it is \d+ days old$/) },
    { ...last, stale: 'what the project declares for it has changed since' },
  ])
})
