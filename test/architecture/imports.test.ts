import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { forbiddenGlobals, forbiddenImports, importCycles, type SourceFile } from './import-rules.ts'

const root = new URL('../../src', import.meta.url).pathname
const sources: readonly SourceFile[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(join(root, path), 'utf8') }))

describe('the source', () => {
  test('is found', () => {
    expect(sources.map((file) => file.path)).toContain('cli.ts')
  })
  test('imports only what the table allows', () => {
    expect(forbiddenImports(sources)).toEqual([])
  })
  test('has no import cycle', () => {
    expect(importCycles(sources)).toEqual([])
  })
  test('leaves the process, the clock and timers to those who may touch them', () => {
    expect(forbiddenGlobals(sources)).toEqual([])
  })
})

describe('the rules', () => {
  const file = (path: string, text: string): SourceFile => ({ path, text })

  test.each([
    ['a value', "import { x } from '../config/load.ts'"],
    ['a type', "import type { X } from '../config/load.ts'"],
    ['a re-export', "export type { X } from '../config/load.ts'"],
    ['a dynamic import', "const load = () => import('../config/load.ts')"],
    ['a type by import()', "type X = import('../config/load.ts').X"],
  ])('refuse %s from a folder that is not allowed', (_, text) => {
    expect(forbiddenImports([file('plan/plan.ts', text)])).toEqual([
      'src/plan/plan.ts imports ../config/load.ts: plan may not',
    ])
  })

  test('allow the port to an engine, and no driver', () => {
    expect(forbiddenImports([file('run/a.ts', "import '../engines/engine.ts'")])).toEqual([])
    expect(forbiddenImports([file('run/a.ts', "import '../engines/fake/fake.ts'")])).toHaveLength(1)
    expect(forbiddenImports([file('engines/fake/a.ts', "import '../docker-api/connect.ts'")])).toHaveLength(1)
  })

  test('keep a vendor in its folder, its types too', () => {
    expect(forbiddenImports([file('engines/docker-api/a.ts', "import Dockerode from 'dockerode'")])).toEqual([])
    expect(forbiddenImports([file('run/a.ts', "import type Dockerode from 'dockerode'")])).toHaveLength(1)
    expect(forbiddenImports([file('run/a.ts', "import 'dockerode/lib/util.js'")])).toHaveLength(1)
  })

  test('refuse a folder that the table does not know, and a way out of src', () => {
    expect(forbiddenImports([file('misc/a.ts', "import '../lib/a.ts'")])).toHaveLength(1)
    expect(forbiddenImports([file('lib/a.ts', "import '../../scripts/a.ts'")])).toHaveLength(1)
  })

  test('find a cycle, also one of types alone', () => {
    const cycle = [
      file('lib/a.ts', "import { b } from './b.ts'"),
      file('lib/b.ts', "import type { C } from './c.ts'"),
      file('lib/c.ts', "export { a } from './a.ts'"),
    ]
    expect(importCycles(cycle)).toEqual([['lib/a.ts', 'lib/b.ts', 'lib/c.ts', 'lib/a.ts']])
    expect(importCycles(cycle.slice(0, 2))).toEqual([])
  })

  test.each([
    'process.exit(1)',
    "console.log('x')",
    'const now = Date.now()',
    'setTimeout(() => {}, 1)',
    'const now = new Date()',
    "import { setTimeout as delay } from 'node:timers/promises'",
  ])('refuse %s outside the places that may', (text) => {
    expect(forbiddenGlobals([file('run/a.ts', text)])).toHaveLength(1)
    expect(forbiddenGlobals([file('lib/a.ts', text)])).toEqual([])
  })

  test('take no property or word in a string for the process', () => {
    expect(forbiddenGlobals([file('run/a.ts', "const x = probe.process ?? 'process.exit'; copy.console = 1")])).toEqual(
      [],
    )
  })
})
