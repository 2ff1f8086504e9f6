import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, describe, expect, test } from 'vitest'
import { returnedWhileHeld } from './held.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const config = ts.parseJsonConfigFileContent(
  ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config,
  ts.sys,
  root,
)
const folder = mkdtempSync(join(tmpdir(), 'matrix-held-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('nothing that the source holds is let go before what is returned has ended', { timeout: 120_000 }, () => {
  const program = ts.createProgram(config.fileNames, config.options)
  const isOurs = (path: string) => path.startsWith(`${root}src/`)
  expect(program.getSourceFiles().filter(({ fileName }) => isOurs(fileName)).length).toBeGreaterThan(200)
  expect(returnedWhileHeld(program, isOurs)).toEqual([])
})

describe('the rule', () => {
  test.each([
    ['a promise that is returned', 'using held = take(); return work()', [1]],
    ['one of a branch', 'await using held = take(); if (Math.random() > 1) { return work() } return 1', [1]],
    ['one that is perhaps none', 'using held = take(); return Math.random() > 1 ? work() : 1', [1]],
    ['not one that is awaited', 'using held = take(); return await work()', []],
    ['not one before it is held', 'if (Math.random() > 1) return work(); using held = take(); return 1', []],
    [
      'not what a function of its own returns',
      'using held = take(); const later = () => { return work() }; return 1',
      [],
    ],
    ['not where nothing is held', 'return work()', []],
  ])('finds %s', (_, body, lines) => {
    const path = join(folder, 'case.ts')
    const declared = 'declare const take: () => Disposable & AsyncDisposable; declare const work: () => Promise<number>'
    writeFileSync(path, `export async function f() { ${body} }\n${declared}\n`)
    const found = returnedWhileHeld(ts.createProgram([path], config.options), (name) => name === path)
    expect(found).toEqual(lines.map((line) => `${path}:${line}`))
  })
})
