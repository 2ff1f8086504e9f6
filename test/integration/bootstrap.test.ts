/** Root file systems that take their time, and engines that do not take them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Engine, EngineError } from '../../src/engines/engine.ts'
import { createFakeEngine } from '../../src/engines/fake/fake-engine.ts'
import { bootstrapImage } from '../../src/images/bootstrap.ts'
import { commandLineOf, processIds } from '../../src/lib/process-table.ts'
import { testEngine } from '../support/engine.ts'
import { project } from '../support/project.ts'
import { until } from '../support/until.ts'

const signal = new AbortController().signal
const request = {
  reference: 'matrix-test/bootstrap:latest',
  suite: 'bookworm',
  include: ['busybox-static'],
  bare: true,
  command: ['/bin/busybox'],
  labels: {},
  signal,
}

const importing = (engine: Engine, importRoot: Engine['images']['importRoot']): Engine => ({
  ...engine,
  images: { ...engine.images, importRoot },
})

test('an engine is asked only once there is something to give it, and gets it whole', async () => {
  await using engine = await testEngine()
  const waiting: number[] = []
  const patient = importing(engine, (root, options) => {
    waiting.push(root.readableLength)
    return engine.images.importRoot(root, options)
  })
  const image = await bootstrapImage(patient, request)
  expect(waiting).toEqual([expect.any(Number)])
  expect(waiting[0]).toBeGreaterThan(0)
  expect(image.sizeBytes).toBeGreaterThan(1_000_000)
  await engine.images.remove(image.id, { signal })
})

test('an engine that breaks off is told, and nothing waits for it', async () => {
  await using engine = await testEngine()
  const broken = importing(engine, async () => {
    throw new EngineError('unreachable', 'the engine does not answer: read ECONNRESET')
  })
  await expect(bootstrapImage(broken, { ...request, suite: 'trixie' })).rejects.toThrow('read ECONNRESET')
  expect(running('trixie')).toEqual([])
})

test('one that is cancelled ends at once, with all that works for it', async () => {
  await using engine = await testEngine()
  const cancelled = new AbortController()
  const making = bootstrapImage(engine, { ...request, suite: 'bullseye', signal: cancelled.signal })
  making.catch(() => {})
  // The program itself, and at least one that works for it.
  await until(() => running('bullseye').length >= 2)
  cancelled.abort(new Error('enough'))
  await expect(making).rejects.toThrow('enough')
  expect(running('bullseye')).toEqual([])
})

test('one that is cancelled while it has something mounted leaves neither that nor a folder', async () => {
  using folder = project({})
  const made = join(folder.root, 'made')
  const mounting = `#!/bin/sh
mkdir $TMPDIR/root && mount -t tmpfs none $TMPDIR/root && echo $TMPDIR > ${made} && exec sleep 600
`
  writeFileSync(join(folder.root, 'mmdebstrap'), mounting, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder.root}:${process.env['PATH']}`)
  const cancelled = new AbortController()
  const making = bootstrapImage(createFakeEngine({}), { ...request, signal: cancelled.signal })
  making.catch(() => {})
  await until(() => existsSync(made) && readFileSync(made, 'utf8').endsWith('\n'))
  vi.unstubAllEnvs()
  const root = readFileSync(made, 'utf8').trim()
  cancelled.abort(new Error('enough'))
  await expect(making).rejects.toThrow('enough')
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(root)
  expect(existsSync(root)).toBe(false)
})

/** Processes that make a root file system of this suite for these tests. */
function running(suite: string): readonly number[] {
  return processIds().filter((pid) => {
    const words = commandLineOf(pid) ?? []
    return words.includes(suite) && words.includes('--include=busybox-static')
  })
}
