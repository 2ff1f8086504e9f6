/** What the documents say is so: files validate, commands are known, links lead somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formats } from '../../../src/commands/renderings.ts'
import { loadProject } from '../../../src/config/load.ts'
import { project } from '../../support/project.ts'

const root = new URL('../../..', import.meta.url).pathname
const documents = [
  'README.md',
  ...readdirSync(`${root}/docs`).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
  ...readdirSync(`${root}/stacks`).map((id) => `stacks/${id}/README.md`),
]
const textOf = (path: string) => readFileSync(join(root, path), 'utf8')
const blocks = (path: string, language: string) =>
  [...textOf(path).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (found) => found[1] ?? '',
  )

const examples = documents.flatMap((document) =>
  blocks(document, 'yaml').map((text) => ({ document, text, path: /^# (\S+\.yaml)\n/.exec(text)?.[1] ?? '' })),
)
const commands = documents.flatMap((document) =>
  blocks(document, 'sh').flatMap((text) =>
    [...text.matchAll(/npx matrix (?:-C \S+ )?([a-z]+(?: up| down| status)?)([^#\n]*)/g)].map((found) => ({
      document,
      command: found[1] ?? '',
      options: [...(found[2] ?? '').matchAll(/--[a-z-]+/g)].map((option) => option[0]),
    })),
  ),
)
const program = readdirSync(`${root}/src/cli`)
  .map((file) => textOf(`src/cli/${file}`))
  .join('\n')

describe('the documents', () => {
  test('hold examples and commands', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5)
    expect(commands.length).toBeGreaterThanOrEqual(10)
  })

  test.each(examples)('$document: $path validates', async ({ path, text }) => {
    const fillers = {
      'stacks/hello/stack.yaml': 'image: x\nchecks: [{ name: a, exec: { command: [x] } }]\n',
      'environments/customer.yaml': '{}\n',
    }
    const folder = dirname(path)
    const beside = folder.startsWith('stacks/') ? { [`${folder}/Dockerfile`]: 'FROM scratch\n' } : {}
    using made = project({ ...fillers, ...beside, [path]: text })
    const loaded = await loadProject(made.root, { env: { DB_PASSWORD: 'x' } })
    expect(loaded.ok ? [] : loaded.diagnostics).toEqual([])
  })

  test.each(commands)('$document: matrix $command $options is known', ({ command, options }) => {
    const [first = '', second] = command.split(' ')
    expect(program).toContain(`.command('${first}`)
    if (second !== undefined) expect(program).toContain(`.command('${second}')`)
    for (const option of options) expect(program).toContain(`'${option}`)
  })

  test('name the formats that matrix report takes', () => {
    const [, told = ''] = /matrix report --format \w+ +# (.*)/.exec(textOf('docs/reports.md')) ?? []
    const [, taken = ''] = /'--format <format>'[^[]*\[([^\]]*)\]/.exec(program) ?? []
    expect([...taken.matchAll(/'(\w+)'/g)].map((found) => found[1])).toEqual(told.split(', '))
    expect(told.split(', ').toSorted()).toEqual(Object.keys(formats).toSorted())
  })

  test.each(documents)('%s links to files that are there', (document) => {
    const targets = [...textOf(document).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map((found) => found[1] ?? '')
    expect(targets.filter((target) => !existsSync(join(root, dirname(document), target)))).toEqual([])
  })
})
