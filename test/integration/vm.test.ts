/**
 * A virtual machine with hardly anything in it: one that does not come up with KVM is emulated, which is decided by starting
 * it, and remembered; and nothing is left of one that still boots when it is cleaned away.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { HostRequest } from '../../src/hosts/host.ts'
import { hostFolder, hostName } from '../../src/hosts/host-place.ts'
import { install, missingPrograms, vmPrograms } from '../../src/hosts/packages.ts'
import { bringUp, vm } from '../../src/hosts/vm/vm.ts'
import { type VmFiles, vmFiles } from '../../src/hosts/vm/vm-files.ts'
import { killVm, vmPid } from '../../src/hosts/vm/vm-process.ts'
import { readOr } from '../../src/lib/files.ts'
import { commandLineOf } from '../../src/lib/process-table.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { VmSpec } from '../../src/model/project.ts'
import { askFor } from '../support/hosts.ts'
import { during, matrix, startMatrix } from '../support/matrix.ts'
import { filesBelow, type OwnMachine, ownMachine } from '../support/own-machine.ts'
import { environment, project, serverStack } from '../support/project.ts'
import { makeSmallGuest } from '../support/small-guest.ts'
import { until } from '../support/until.ts'

const mebibyte = 1024 ** 2
const sizes = { memoryBytes: 512 * mebibyte, diskBytes: 3072 * mebibyte }
const spec: VmSpec = { kind: 'vm', release: 'bookworm', cpus: 1, ...sizes }
/** Where KVM is meant to fail it fails at once, or says nothing for ever. */
const soon = { kvm: 5_000, tcg: 480_000 }

let folder: string
let files: VmFiles
let base: HostRequest<VmSpec>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'matrix-vm-'))
  files = vmFiles(folder)
  const ask = await askFor(spec)
  const missing = missingPrograms(vmPrograms, ask.env)
  if (missing.length > 0) expect(await install(missing, ask)).toBeNull()
  await makeSmallGuest(folder, spec)
  // What answers once the machine has greeted is not of interest here: the engine of this machine does.
  const connect = () => connectDocker(ask.local.endpoint)
  base = { ...ask, spec, name: 'vm-small', project: 'none', folder, connect }
})
afterEach(async () => {
  await killVm(files)
  rmSync(files.accelerator, { force: true })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The emulator behind a script that does something to it where it is asked for KVM: the PATH that finds it. */
function emulatorWith(withKvm: string, withoutKvm = ''): HostRequest['env'] {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  const emulator = join(bin, 'qemu-system-x86_64')
  writeFileSync(
    emulator,
    `#!/bin/sh\nPATH=\${PATH#*:}\ncase " $* " in *" -accel kvm "*) ${withKvm || ':'} ;; *) ${withoutKvm || ':'} ;; esac\nexec qemu-system-x86_64 "$@"\n`,
  )
  chmodSync(emulator, 0o755)
  return { ...base.env, PATH: `${bin}:${base.env['PATH']}` }
}
/** The device is there, and it is none: as where the machine is virtual itself and its host does not allow another one in it. */
const refusing = () => {
  const hide = '[ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm'
  return emulatorWith(`exec unshare --mount sh -c '${hide}; exec qemu-system-x86_64 "$@"' sh "$@"`)
}
const crashing = () => emulatorWith('kill -ABRT $$')
/** Its processors never start, so that it is silent for ever. */
const halted = `for word do shift
  case $word in kvm) word=tcg ;; host) word=max ;; esac
  set -- "$@" "$word"
done; set -- "$@" -S`
const hanging = () => emulatorWith(halted)
/** Once it has run for a moment. */
const crashingLater = () =>
  emulatorWith(`${halted}
qemu-system-x86_64 "$@" &
until [ -s ${files.pid} ]; do sleep 0.1; done
sleep 1; kill -ABRT $!; wait $!; kill -ABRT $$`)

/** As one whose kernel measures the clock wrong wherever that is left to it. */
const mismeasuring = () => {
  const say = `echo 'tsc: PIT calibration deviates from HPET: 59711 2443024' >> ${files.console}`
  const once = `(until [ -e ${files.console} ]; do sleep 0.1; done; ${say}) & set -- "$@" -S`
  return emulatorWith('', `case "$*" in *tsc_early_khz*) ;; *) ${once} ;; esac`)
}

interface Tried {
  readonly said: string
  readonly up: Awaited<ReturnType<typeof bringUp>> | null
}
/** @param until it is given up once this is said; `up` is null then. */
async function tried(
  env: HostRequest['env'],
  { until, kvmMs = soon.kvm }: { readonly until?: string; readonly kvmMs?: number } = {},
): Promise<Tried> {
  const said: string[] = []
  const enough = new AbortController()
  const onProgress = (text: string) => {
    said.push(text)
    if (until !== undefined && text.includes(until)) enough.abort(new Error('enough'))
  }
  const request = { ...base, env, onProgress, signal: enough.signal }
  // A file that is there on every machine stands for the device: whether it works is what is tried.
  const how = { kvm: files.kernel, greetsWithinMs: { ...soon, kvm: kvmMs } }
  const up = await bringUp(request, how).catch((error) => {
    if (!enough.signal.aborted) throw error
    return null
  })
  return { said: said.join('\n'), up }
}

const commandLine = () => commandLineOf(vmPid(files) ?? 0) ?? []
const accelerating = () => {
  const words = commandLine()
  return words[words.indexOf('-accel') + 1]?.split(',')[0]
}
const remembered = () => readOr(files.accelerator, '').trim()

test('of a machine that still boots nothing is left after clean --all: no process, port or file', async () => {
  await using machine = await ownMachine()
  await using engine = await machine.startEngine()
  const yaml = `engine: { provision: { kind: vm, release: ${spec.release}, cpus: 1, memory: 512m, disk: 3g } }`
  using tested = project({ ...serverStack('server'), ...environment('vm', yaml) })
  const state = join(machine.folder, 'm')
  const env = { DOCKER_HOST: engine.endpoint, MATRIX_ENGINE_DIR: state }
  const how = { cwd: tested.root, env, within: [...machine.within, 'env', '--chdir', tested.root] }
  const host = hostFolder(env, projectIdOf(tested.root), hostName(spec))
  cpSync(folder, host, { recursive: true })
  const theirs = vmFiles(host)
  writeFileSync(theirs.accelerator, 'tcg\n')
  const before = { devices: await machine.devices(), mounts: await machine.mounts(), ports: await portsIn(machine) }

  const up = startMatrix(['env', 'up', 'vm'], how)
  const listens = until(async () => (await portsIn(machine)).includes(Number(readOr(theirs.port, '-1'))))
  await during(up, listens)
  up.kill('SIGKILL')
  await up
  const emulator = commandLineOf(vmPid(theirs) ?? 0)
  expect(emulator?.[0]).toContain('qemu')

  const cleaned = await matrix(['clean', '--all'], how)
  expect(cleaned, cleaned.stderr).toMatchObject({ exitCode: 0 })
  expect(cleaned.stdout).toContain(`took away ${hostName(spec)}\n`)
  expect([...machine.processTree().values()].filter((line) => line.includes('qemu'))).toEqual([])
  const after = { devices: await machine.devices(), mounts: await machine.mounts(), ports: await portsIn(machine) }
  expect(after).toEqual(before)
  expect(filesBelow(state)).toEqual([])
})

/** That something listens at. Source: proc(5), /proc/net/tcp. */
async function portsIn({ within }: OwnMachine): Promise<readonly number[]> {
  const [enter = '', ...words] = within
  const { stdout } = await execa(enter, [...words, 'cat', '/proc/net/tcp'])
  return [...stdout.matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]+) \S+ 0A /gm)].map(([, port = '']) =>
    Number.parseInt(port, 16),
  )
}

describe('a machine', () => {
  test('that hangs with KVM is emulated, and the next start is of that alone', async () => {
    const { said, up } = await tried(hanging())
    expect(up, `${said}\n${readOr(files.console)}`).toMatchObject({ ok: true, started: true, emulated: true })
    expect(said).toContain('KVM does not work here: it did not come up within 5 s')
    expect([accelerating(), remembered()]).toEqual(['tcg', 'tcg'])
    expect((await vm.status(base)).message).toContain('under emulation')

    await killVm(files)
    const next = await tried(hanging(), { until: 'starting' })
    expect(next.said).toBe('starting vm-small under emulation, which takes a minute or more')
    expect(vmPid(files)).toBeNull()
  })

  test.each([
    ['refuses', refusing, 'exit code 1'],
    ['crashes on', crashing, 'SIGABRT'],
    ['crashes on later', crashingLater, 'SIGABRT'],
  ])('that KVM %s is emulated at once', async (_, emulator, end) => {
    const { said } = await tried(emulator(), { until: 'under emulation' })
    expect(said).toContain(`starting vm-small with KVM\nKVM does not work here: the emulator ended with ${end}:`)
    expect(said).toMatch(/\nstarting vm-small under emulation/)
    expect(remembered()).toBe('')
  })

  test('that worked with KVM once and does not now is trouble, and the next run tries all of it', async () => {
    writeFileSync(files.accelerator, 'kvm\n')
    const { up, said } = await tried(refusing())
    expect(up).toMatchObject({
      ok: false,
      problem: { kind: 'machine', message: expect.stringContaining('exit code 1') },
    })
    expect(said).toBe('starting vm-small with KVM')
    expect(existsSync(files.accelerator)).toBe(false)
    expect(vmPid(files)).toBeNull()
  })

  test('whose kernel measured its clock wrong is started again with the right one', async () => {
    writeFileSync(files.accelerator, 'tcg\n')
    const { up, said } = await tried(mismeasuring())
    expect(up, `${said}\n${readOr(files.console)}`).toMatchObject({ ok: true, started: true })
    expect(said).toMatch(/^starting vm-small under emulation.*\nthe clock of vm-small goes wrong; starting it again$/)
    expect(commandLine().join(' ')).toContain('tsc_early_khz=2443024')
  })

  test('runs with what works here, whatever that is', async () => {
    const { up, said } = await tried(base.env, { kvmMs: 20_000 })
    expect(up, `${said}\n${readOr(files.console)}`).toMatchObject({ ok: true, started: true })
    expect(remembered()).toBe(accelerating())
    expect(up).toMatchObject({ emulated: accelerating() === 'tcg' })
    expect(said.includes('KVM does not work here')).toBe(accelerating() === 'tcg')
  })
})
