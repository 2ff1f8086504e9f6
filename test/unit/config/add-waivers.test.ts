import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { addWaivers, type NewWaiver } from '../../../src/config/add-waivers.ts'
import { loadProject } from '../../../src/config/load.ts'
import { project } from '../../support/project.ts'

const waiver = (rest: Partial<NewWaiver> = {}): NewWaiver => ({
  match: { stack: 'a', environment: 'e', check: 'costs ${5} a "day": #1', signature: 's1:0123456789ab' },
  reason: 'known, see ${HOME}\nand more',
  owner: '@ops',
  created: '2026-01-01',
  expires: '2026-02-01',
  ...rest,
})
const textOf = (text: string, added: readonly NewWaiver[]): string => {
  const result = addWaivers(text, added)
  if (!result.ok) throw new Error(result.problem)
  return result.text
}

describe('waivers that are added', () => {
  test.each([
    '',
    'waivers: []\n',
    'waivers:\n',
    '# mine\nwaivers:\n- match: { stack: b, environment: e, signature: "s1:bbbbbbbbbbbb" }\n  reason: x\n  owner: y\n  created: 2026-01-01\n  expires: 2026-01-02 # soon\n',
  ])('are read back as they were meant, after %j', async (before) => {
    const text = textOf(before, [waiver()])
    using made = project({
      'waivers.yaml': text,
      'environments/e.yaml': '{}\n',
      'stacks/a/stack.yaml': 'image: x\nchecks: [{ name: c, exec: { command: [x] } }]\n',
    })
    const loaded = await loadProject(made.root, { env: {} })
    const { at: _, issue, ...read } = (loaded.ok ? loaded.project.waivers.at(-1) : undefined) ?? { issue: 'none' }
    expect([read, issue]).toEqual([waiver(), null])
    for (const comment of ['# mine', '# soon']) if (before.includes(comment)) expect(text).toContain(comment)
  })
  test('renew one that is there for the same failure', () => {
    const before = textOf('# mine\n', [waiver({ issue: 'https://issues.example.org/1' })])
    const renewed = textOf(before, [waiver({ owner: '@dev', expires: '2026-03-01' })])
    expect(renewed).toBe(textOf('# mine\n', [waiver({ owner: '@dev', expires: '2026-03-01' })]))
    const other = waiver({ match: { stack: 'a', environment: 'e', signature: 's1:0123456789ab' } })
    expect(parse(textOf(renewed, [other])).waivers).toHaveLength(2)
  })
  test.each([
    ['longer than 90 days', waiver({ expires: '2026-05-01' }), 'expires: it lasts 120 days'],
    ['without an owner', waiver({ owner: '' }), 'owner'],
    ['with a link that is none', waiver({ issue: 'javascript:alert(1)' }), 'issue'],
  ])('%s are refused', (_, bad, problem) => {
    const result = addWaivers('', [bad])
    expect(result.ok ? '' : result.problem).toContain(problem)
  })
  test('leave a file alone that is no list of waivers', () => {
    expect(addWaivers('waivers: 5\n', [waiver()]).ok).toBe(false)
    expect(addWaivers('{', [waiver()]).ok).toBe(false)
  })
})
