import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Project } from '../../../src/model/project.ts'
import { type Selection, select } from '../../../src/plan/select.ts'

const everything: Selection = { cells: [], stacks: [], environments: [] }
const project = (rows: readonly (readonly [string, string])[], environments: readonly string[]) =>
  ({
    rows: rows.map(([base, id]) => ({ id, base })),
    environments: environments.map((id) => ({ id })),
  }) as unknown as Project

const system = project(
  [
    ['api', 'api-py2'],
    ['api', 'api-py3'],
    ['queue', 'queue'],
    ['site', 'site'],
  ],
  ['qa', 'prod'],
)
function chosen(selection: Partial<Selection>, from: Project = system): readonly string[] {
  const result = select(from, { ...everything, ...selection })
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return from.rows.flatMap((row) =>
    from.environments.filter(({ id }) => result.chosen(row.id, id)).map(({ id }) => `${row.id}@${id}`),
  )
}

describe('a shard', () => {
  it('keeps the rows of a stack together', () => {
    const environments = ['qa']
    expect(chosen({ environments, shard: { index: 1, count: 2 } })).toEqual(['api-py2@qa', 'api-py3@qa', 'site@qa'])
    expect(chosen({ environments, shard: { index: 2, count: 2 } })).toEqual(['queue@qa'])
  })

  it('deals out what is selected, not what there is', () => {
    expect(chosen({ stacks: ['queue', 'site'], environments: ['qa'], shard: { index: 1, count: 2 } })).toEqual([
      'queue@qa',
    ])
  })

  it('is one of parts that make the whole, each cell once', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 10 }), (stacks, count) => {
        const made = project(
          stacks.map((id) => [id, id]),
          ['qa'],
        )
        const parts = Array.from({ length: count }, (_, at) => chosen({ shard: { index: at + 1, count } }, made))
        expect(parts.flat().sort()).toEqual([...chosen({}, made)].sort())
      }),
    )
  })
})

describe('a name that is not known', () => {
  const problems = (cell: string) => {
    const result = select(system, { ...everything, cells: [cell] })
    return result.ok ? [] : result.problems
  }
  it('is told with the one that is near, and with none where none is', () => {
    expect(problems('quue@qa')).toEqual([
      'there is no stack "quue". Did you mean "queue"? There are: api-py2, api, api-py3, queue, site.',
    ])
    expect(problems('queue@')).toEqual(['there is no environment "". There are: qa, prod.'])
  })
})
