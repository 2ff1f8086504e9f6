/** What is wider than a terminal is broken by it in the middle of a line, and read by nobody. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runEnvDiff } from '../../../src/commands/env-diff.ts'
import { runHistory } from '../../../src/commands/history.ts'
import type { Io } from '../../../src/commands/io.ts'
import { writeNights } from '../../support/nights.ts'
import { project } from '../../support/project.ts'

const files = {
  'stacks/stack-00/stack.yaml': 'image: x\nchecks: [{ name: c, exec: { command: [x] } }]\n',
  'environments/place-00.yaml': 'engine: { provision: { kind: nested, release: trixie } }\n',
  'environments/place-01.yaml':
    'engine: { provision: { kind: swarm, release: trixie, nodes: 3 } }\nextends: air-gapped\n',
}

/** The widest line of a table, and all that was said. */
async function tableOf(columns: number, command: (io: Io) => Promise<number>, cwd: string) {
  let said = ''
  const stdout = (text: string) => {
    said += text
  }
  const io = { stdout, stderr: stdout, cwd, env: {}, color: false, columns, isTTY: { stdout: true } }
  expect(await command(io as unknown as Io)).toBe(0)
  const widths = said.split('\n').flatMap((line) => (line.includes('│') ? [line.length] : []))
  return { widest: Math.max(...widths), said }
}

test('a history shows as many of the last runs as there is room for', async () => {
  using made = project(files)
  await writeNights(join(made.root, 'reports'), {
    ...{ rows: 1, columns: 1, nights: 30 },
    outcome: (_, night) => (night === 29 ? 'fail' : 'pass'),
  })
  const history = (columns: number) => tableOf(columns, (io) => runHistory({ project: made.root }, io), made.root)
  const wide = await history(200)
  expect(wide.said).toContain(`${'P'.repeat(29)}F`)
  const narrow = await history(70)
  expect(narrow.widest).toBe(70)
  expect(narrow.said).toMatch(/│ P+F │/)
  expect((await history(10)).said).toMatch(/│ PPPPF │/)
})

test('two environments stand side by side in the room that there is', async () => {
  using made = project(files)
  const diff = (columns: number) =>
    tableOf(columns, (io) => runEnvDiff({ before: 'place-00', after: 'place-01' }, {}, io), made.root)
  expect((await diff(200)).widest).toBeGreaterThan(120)
  const { widest, said } = await diff(80)
  expect(widest).toBeLessThanOrEqual(80)
  expect(said).toContain('network.egress')
})
