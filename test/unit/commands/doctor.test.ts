/** What `matrix doctor` says of an engine that cannot hold nested hosts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { packageFindings, runDoctor } from '../../../src/commands/doctor.ts'
import type { Io } from '../../../src/commands/io.ts'
import { environment, project, serverStack } from '../../support/project.ts'

const folder = mkdtempSync(join(tmpdir(), 'matrix-doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Says of itself what a Docker Engine says. */
async function engineThatSays(info: object): Promise<{ readonly endpoint: string } & AsyncDisposable> {
  const server = createServer(({ url = '' }, response) => {
    const path = url.replace(/^\/v[\d.]+/, '').replace(/\?.*/, '')
    const version = { Version: '26.1.5', ApiVersion: '1.45', Arch: 'amd64' }
    const answers: Readonly<Record<string, unknown>> = { '/_ping': 'OK', '/info': info, '/version': version }
    response.statusCode = path in answers ? 200 : 404
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(path === '/volumes' ? { Volumes: [] } : (answers[path] ?? { message: 'none' })))
  })
  const socket = join(folder, 'engine.sock')
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return {
    endpoint: `unix://${socket}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}

/** What it finds with this engine, where nobody outside can be asked. */
async function doctorOf(engine: string, cwd = folder) {
  return (await runOf(engine, cwd)).found
}

async function runOf(engine: string, cwd: string) {
  let said = ''
  const stdout = (text: string) => {
    said += text
  }
  const { signal } = new AbortController()
  // It may not be installed; what the real one says is seen where the built program is.
  writeFileSync(join(folder, 'mmdebstrap'), '#!/bin/sh\necho deb http://mirror.invalid/debian bookworm main >&2\n', {
    mode: 0o755,
  })
  const PATH = `${folder}:${process.env['PATH']}`
  // A proxy that is not there, so that nobody outside is asked.
  const env = { ...process.env, PATH, http_proxy: 'http://127.0.0.1:9', MATRIX_ENGINE_DIR: folder }
  const exitCode = await runDoctor({ engine, json: true }, { cwd, env, signal, stdout } as unknown as Io)
  const found = JSON.parse(said) as readonly { name: string; state: string; value: string; mend?: string }[]
  return { exitCode, found }
}

test('an engine that calls images by another name is refused, with what to set', async () => {
  const status = [['driver-type', 'io.containerd.snapshotter.v1']]
  await using engine = await engineThatSays({ Driver: 'overlayfs', DriverStatus: status, SecurityOptions: [] })
  const found = await doctorOf(engine.endpoint)
  expect(found.find(({ name }) => name === 'engine')).toMatchObject({
    state: 'missing',
    value: expect.stringContaining('containerd’s store'),
    mend: expect.stringContaining('"containerd-snapshotter": false'),
  })
})

test('an engine without root holds no nested host, and what to run is said', async () => {
  await using engine = await engineThatSays({ Driver: 'overlay2', SecurityOptions: ['name=seccomp', 'name=rootless'] })
  const found = await doctorOf(engine.endpoint)
  const hosts = found.filter(({ name, value }) => name === 'host' && !value.startsWith('vm-'))
  expect(hosts).toHaveLength(6)
  for (const host of hosts) {
    expect(host).toMatchObject({
      state: 'note',
      value: expect.stringContaining(`${engine.endpoint} runs without root`),
    })
    expect(host.mend).toContain('--engine unix:///var/run/docker.sock')
  }
  expect(found.find(({ name }) => name === 'mirror')).toMatchObject({
    state: 'note',
    value: expect.stringMatching(/^http:\/\/mirror\.invalid\/debian: connect ECONNREFUSED/),
    mend: expect.stringContaining('http_proxy'),
  })
})

test('a host is told with the environments that ask for it', async () => {
  await using engine = await engineThatSays({ Driver: 'overlay2', SecurityOptions: [] })
  using made = project({
    ...environment('theirs', 'engine: { provision: { kind: nested, release: bullseye } }'),
    ...environment('ours', 'engine: { provision: { kind: vm } }'),
    ...serverStack('api'),
  })
  const found = await doctorOf(engine.endpoint, made.root)
  const hosts = found.flatMap(({ name, value }) => (name === 'host' ? [value] : []))
  expect(hosts.filter((value) => /^docker-bullseye\b.*, for theirs\b/.test(value))).toHaveLength(1)
  expect(hosts.filter((value) => /^vm-.*, for ours\b/.test(value))).toHaveLength(1)
  expect(hosts.filter((value) => value.includes(', for '))).toHaveLength(2)
})

test('a project with mistakes is told as that', async () => {
  await using engine = await engineThatSays({ Driver: 'overlay2', SecurityOptions: [] })
  using made = project({ ...environment('theirs', 'titel: x\n'), ...serverStack('api') })
  const { exitCode, found } = await runOf(engine.endpoint, made.root)
  expect(exitCode).toBe(2)
  expect(found.find(({ name }) => name === 'project')).toMatchObject({
    state: 'missing',
    value: expect.stringContaining('1 mistake'),
    mend: expect.stringContaining('matrix validate'),
  })
  expect((await doctorOf(engine.endpoint)).map(({ name }) => name)).not.toContain('project')
})

test('all that is not installed is one command', () => {
  const debian = 'ID=debian\n'
  expect(packageFindings(['busybox'], debian)).toEqual([])
  expect(packageFindings(['busybox', 'qemu-system-x86_64'], debian)).toEqual([
    {
      name: 'packages',
      state: 'note',
      value: 'not installed of what this project may need: busybox, qemu-system-x86_64',
      mend: 'apt-get update && apt-get install -y --no-install-recommends busybox-static qemu-system-x86',
    },
  ])
})
