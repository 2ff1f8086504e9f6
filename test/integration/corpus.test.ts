/** Five cases of the corpus: a single cause, a set of two, a threshold, one that is broken everywhere, an innocent one. */
import { execa } from 'execa'
import { expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname
const cases = ['nginx-read-only', 'low-port-other-user', 'threads-pids', 'broken-no-variable', 'innocent']

interface Result {
  readonly id: string
  readonly wrong: readonly string[]
  readonly withinBudget: boolean
}

test('of five cells from public reports every cause, threshold and diagnosis is right', async () => {
  const { stdout } = await execa(process.execPath, ['scripts/corpus.mjs', '--json', ...cases], {
    cwd: root,
    reject: false,
  })
  const results = JSON.parse(stdout) as readonly Result[]
  expect(results.map(({ id, wrong }) => ({ id, wrong })).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
    cases.toSorted().map((id) => ({ id, wrong: [] })),
  )
  expect(results.filter(({ withinBudget }) => !withinBudget)).toEqual([])
})
