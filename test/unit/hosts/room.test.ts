/** What a host takes of the machine is asked for until it has it, however often that was tried. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, expect, test } from 'vitest'
import { disksToBe } from '../../../src/hosts/disks.ts'
import { hostFolder, hostName } from '../../../src/hosts/host-place.ts'
import { writeRecord } from '../../../src/hosts/host-record.ts'
import { roomFor } from '../../../src/hosts/room.ts'
import { projectIdOf } from '../../../src/lib/project-id.ts'
import type { HostSpec } from '../../../src/model/project.ts'

const root = mkdtempSync(`${tmpdir()}/matrix-room-`)
afterAll(() => rmSync(root, { recursive: true }))

const env = { MATRIX_ENGINE_DIR: root }
const vast: HostSpec = { kind: 'vm', release: 'bookworm', cpus: 2, memoryBytes: 1024 ** 5, diskBytes: 1024 ** 3 }
const asked = ({
  specs = [vast] as readonly HostSpec[],
  disks = disksToBe(env),
  running = [] as readonly string[],
} = {}) => roomFor(specs, { env, root, images: 1, disks, running: new Set(running) })
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

test('of one that came up and is down, the memory', () => {
  remember(true)
  expect(asked()).toMatchObject({
    ...{ hosts: [hostName(vast)], room: { engineDiskBytes: 0, ownDiskBytes: 0 } },
    problem: { message: expect.stringContaining('GiB of memory free, and it takes') },
  })
})

test('but not one that runs', () => {
  remember(true)
  expect(asked({ running: [hostName(vast)] })).toMatchObject({ hosts: [], problem: null })
})

test('a disk that cannot be looked at is told, and not taken for enough', () => {
  const nested: HostSpec = { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false }
  const disks = { ...disksToBe(env), engine: null }
  expect(asked({ specs: [nested], disks })).toMatchObject({
    problem: null,
    unknown: expect.stringMatching(
      /^how much disk is free .* is not known; it takes about 1\.0 GiB to make docker-trixie$/,
    ),
  })
  expect(asked({ specs: [nested] }).unknown).toBeNull()
})
