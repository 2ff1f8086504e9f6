/** The JSON Schemas that editors use agree with what the loader accepts. */
import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { jsonSchemas, type SchemaName } from '../../../src/config/json-schema.ts'
import { loadProject } from '../../../src/config/load.ts'
import { runJsonSchema } from '../../../src/record/run-schema.ts'

const root = new URL('../../..', import.meta.url).pathname
const ajv = new Ajv2020({ strict: false })
const schemas = jsonSchemas()
// Compiled once, and with more time than a test has: that of a stack is large.
const compiled = new Map<SchemaName, ReturnType<typeof ajv.compile>>()
beforeAll(() => {
  for (const name of new Set(files.map(([each]) => each))) compiled.set(name, ajv.compile(schemas[name]))
}, 180_000)
function validate(name: SchemaName) {
  const known = compiled.get(name)
  if (known === undefined) throw new Error(`no schema ${name}`)
  return known
}

const files: readonly (readonly [SchemaName, string])[] = [
  ['matrix', 'matrix.yaml'],
  ...readdirSync(`${root}/stacks`).map((id) => ['stack', `stacks/${id}/stack.yaml`] as const),
  ...readdirSync(`${root}/environments`).map((name) => ['environment', `environments/${name}`] as const),
]

describe('the schemas', () => {
  test('come with files that the loader accepts', async () => {
    const loaded = await loadProject(root, { env: {} })
    expect(loaded.ok ? [] : loaded.diagnostics).toEqual([])
    expect(files.length).toBeGreaterThanOrEqual(12)
  })

  test.each(files)('%s accepts %s', (name, path) => {
    const check = validate(name)
    check(parse(readFileSync(`${root}/${path}`, 'utf8'), { merge: true }))
    expect(check.errors).toBeNull()
  })

  test.each(files)('%s refuses %s with a key that nobody knows', (name, path) => {
    const value = parse(readFileSync(`${root}/${path}`, 'utf8'), { merge: true }) as Record<string, unknown>
    const check = validate(name)
    expect(check({ ...value, unknown_key: 1 })).toBe(false)
    expect(check({ ...value, 'x-own': 1 })).toBe(true)
  })

  test('of run.json is one that a validator can read', () => {
    expect(() => ajv.compile(runJsonSchema())).not.toThrow()
  })
})
