/** The data of the embedded engine can be many; whoever deletes them is told, and heard. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stopEmbedded } from '../../../src/hosts/embedded-down.ts'
import { CancelledError } from '../../../src/lib/abort.ts'

/** As an engine leaves it when it has ended; removed with all in it when it is disposed of. */
function engineFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'matrix-engine-'))
  for (const folder of ['data/overlay2/a', 'data/overlay2/b', 'data/image/sha256', 'run/exec']) {
    mkdirSync(join(path, folder), { recursive: true })
    writeFileSync(join(path, folder, 'file'), 'x')
  }
  writeFileSync(join(path, 'data', 'engine-id'), 'x')
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

function purge(path: string, onProgress: (text: string) => void = () => {}, signal = new AbortController().signal) {
  return stopEmbedded({ env: { MATRIX_ENGINE_DIR: path }, purge: true, signal, onProgress })
}

test('a purge tells what it deletes, and leaves nothing', async () => {
  using folder = engineFolder()
  const told: string[] = []
  expect(await purge(folder.path, (text) => told.push(text))).toEqual({ ok: true, stopped: false, purged: true })
  expect(told.toSorted()).toEqual([
    `deleting ${folder.path}/data.deleted/image: 1 entries`,
    `deleting ${folder.path}/data.deleted/overlay2: 2 entries`,
  ])
  expect(readdirSync(folder.path)).toEqual(['run'])
  expect(existsSync(join(folder.path, 'run/exec'))).toBe(false)
})

test('a purge of what is gone already says that it deleted nothing, and of empty folders it says nothing', async () => {
  using folder = engineFolder()
  mkdirSync(join(folder.path, 'data/plugins'))
  const told: string[] = []
  await purge(folder.path, (text) => told.push(text))
  expect(told.join()).not.toContain('plugins')
  expect(await purge(folder.path)).toEqual({ ok: true, stopped: false, purged: false })
})

test('a purge that is stopped leaves no engine half of its data, and the next one takes the rest', async () => {
  using folder = engineFolder()
  const stopping = new AbortController()
  const stop = () => stopping.abort(new CancelledError())
  await expect(purge(folder.path, stop, stopping.signal)).rejects.toThrow(CancelledError)
  expect(readdirSync(folder.path).toSorted()).toEqual(['data.deleted', 'run'])
  await purge(folder.path)
  expect(readdirSync(folder.path)).toEqual(['run'])
})
