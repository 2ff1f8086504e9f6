/** What a host takes of the machine is asked for until it came up once, however often that was tried. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, expect, test } from 'vitest'
import { hostFolder, hostName } from '../../../src/hosts/host-place.ts'
import { writeRecord } from '../../../src/hosts/host-record.ts'
import { roomFor } from '../../../src/hosts/kinds.ts'
import { projectIdOf } from '../../../src/lib/project-id.ts'
import type { HostSpec } from '../../../src/model/project.ts'

const root = mkdtempSync(`${tmpdir()}/matrix-room-`)
afterAll(() => rmSync(root, { recursive: true }))

const env = { MATRIX_ENGINE_DIR: root }
const vast: HostSpec = { kind: 'vm', release: 'bookworm', cpus: 2, memoryBytes: 1024 ** 5, diskBytes: 1024 ** 3 }
const asked = () => roomFor([vast], { env, root, images: 1 })
const remember = (made: boolean) => {
  const folder = hostFolder(env, projectIdOf(root), hostName(vast))
  mkdirSync(folder, { recursive: true })
  writeRecord(folder, { spec: vast, root, engine: null, made })
}

test('one that was never tried', () => {
  expect(asked().problem?.message).toContain('GiB of memory free, and it takes')
})

test('and one that did not come up', () => {
  remember(false)
  expect(asked()).toMatchObject({ hosts: [hostName(vast)], problem: { kind: 'machine' } })
})

test('but not one that came up', () => {
  remember(true)
  expect(asked()).toMatchObject({ hosts: [], problem: null })
})
