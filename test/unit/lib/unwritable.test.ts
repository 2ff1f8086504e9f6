import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { unwritable } from '../../../src/lib/unwritable.ts'

const thrown = (make: () => unknown): unknown => {
  try {
    make()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
const ofSystem = (fields: object) => Object.assign(new Error('of the system'), fields)

test('says what could not be written and why', () => {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'reports')
  writeFileSync(file, '')
  expect(unwritable(thrown(() => mkdirSync(file, { recursive: true })))).toBe(
    `${file} cannot be written: a file of that name is there`,
  )
  expect(unwritable(thrown(() => writeFileSync(join(file, 'run.json'), '')))).toBe(
    `${join(file, 'run.json')} cannot be written: a part of the path is no folder`,
  )
  expect(unwritable(ofSystem({ code: 'ENOSPC', syscall: 'write' }))).toBe(
    'a file cannot be written: no space is left on its disk',
  )
})

test('takes no other error for one of the machine', () => {
  expect(unwritable(new TypeError('x is not a function'))).toBeNull()
  expect(unwritable(ofSystem({ code: 'ENOENT', syscall: 'open', path: '/gone' }))).toBeNull()
  expect(unwritable(ofSystem({ code: 'EACCES', syscall: 'connect', address: '/engine.sock' }))).toBeNull()
  expect(unwritable(ofSystem({ code: 'EACCES', syscall: 'spawn tell', path: 'tell' }))).toBeNull()
})
