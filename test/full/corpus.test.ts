/** Five cases of the corpus: a single cause (on Podman), a set of two, a threshold, one that is broken everywhere, an innocent one. */
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname
const cases = ['podman-ping', 'low-port-other-user', 'threads-pids', 'broken-no-variable', 'innocent']

interface Result {
  readonly id: string
  readonly wrong: readonly string[]
  readonly withinBudget: boolean
  readonly reproductions: readonly unknown[]
}

let results: readonly Result[]
beforeAll(async () => {
  const { stdout } = await execa(process.execPath, ['scripts/corpus.mjs', '--json', ...cases], {
    cwd: root,
    reject: false,
  })
  results = JSON.parse(stdout) as readonly Result[]
})

test('of five cells from public reports every cause, threshold and diagnosis is right', () => {
  expect(results.map(({ id, wrong }) => ({ id, wrong })).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
    cases.toSorted().map((id) => ({ id, wrong: [] })),
  )
  expect(results.filter(({ withinBudget }) => !withinBudget)).toEqual([])
})

test('of a cell on Podman the command lines fail and pass as they say, run where its client is', () => {
  const result = results.find(({ id }) => id === 'podman-ping')
  expect(result?.reproductions).toEqual([{ constraints: ['default:cap_drop:NET_RAW'], wrong: [] }])
})
