/** Hosts that share a root file system have it made once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { nestedEngine } from '../../../src/hosts/nested/engine-kinds.ts'
import { ensureRootImage } from '../../../src/hosts/nested/root-image.ts'

const folder = mkdtempSync(join(tmpdir(), 'matrix-root-image-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('two that ask for it at once wait for the same one, and a third finds it', async () => {
  // Making a real one takes half a minute, and what is in it is another test's affair.
  writeFileSync(join(folder, 'mmdebstrap'), '#!/bin/sh\nsleep 0.2\nhead -c 1024 /dev/zero\n', { mode: 0o755 })
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`)
  const local = createFakeEngine({})
  const engine = nestedEngine({ kind: 'nested', engine: 'docker', release: 'trixie', rootless: false })
  const said: string[] = []
  const ask = {
    ...{ engine, mayInstall: false, signal: new AbortController().signal },
    env: { ...process.env, MATRIX_ENGINE_DIR: folder },
    onProgress: (text: string) => void said.push(text),
  }
  const [first, second] = await Promise.all([ensureRootImage(local, ask), ensureRootImage(local, ask)])
  expect(first).toEqual({ ok: true, imageId: expect.stringMatching(/^sha256:/) })
  expect([second, await ensureRootImage(local, ask)]).toEqual([first, first])
  expect(said).toEqual([`making ${engine.root.reference} from the packages of Debian trixie`])
  vi.unstubAllEnvs()
})
