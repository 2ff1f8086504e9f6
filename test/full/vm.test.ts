/** A virtual machine that became sick is mended by the next run, and one that is taken away is gone. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connectAccess } from '../../src/commands/open-columns.ts'
import { knownHosts } from '../../src/hosts/host-record.ts'
import { type HostAsk, hostDown, hostStatus, hostUp } from '../../src/hosts/kinds.ts'
import type { VmFiles } from '../../src/hosts/vm/vm-files.ts'
import { vmPid } from '../../src/hosts/vm/vm-process.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import type { VmSpec } from '../../src/model/project.ts'
import { askFor } from '../support/hosts.ts'
import { insideVm, vmFilesIn } from '../support/vm.ts'

// Emulated, a start takes a minute or more, and that one is sick is believed after a minute of silence.
vi.setConfig({ testTimeout: 1_200_000, hookTimeout: 1_200_000 })

const gibibyte = 1024 ** 3
// One of its own, so that no other test's machine is taken away.
const spec: VmSpec = { kind: 'vm', release: 'bookworm', cpus: 2, memoryBytes: gibibyte, diskBytes: 5 * gibibyte }
const { signal } = new AbortController()
let ask: HostAsk
let files: VmFiles
beforeAll(async () => {
  ask = await askFor(spec)
  files = vmFilesIn(ask.root, spec)
  await bringUp()
})
afterAll(() => hostDown(ask, { purge: true }))

/** What it says on the way; its engine answers afterwards. */
async function bringUp(): Promise<{ readonly started: boolean; readonly said: string }> {
  const said: string[] = []
  const up = await hostUp({ ...ask, onProgress: (text) => said.push(text) })
  if (!up.ok) throw new Error(`${up.problem.message}\n${up.problem.hint}`)
  return { started: up.started, said: said.join('\n') }
}

const inside = (command: string) => insideVm(files, command)

async function withEngine<T>(work: (engine: ReturnType<typeof connectAccess>) => Promise<T>): Promise<T> {
  const up = await hostUp(ask)
  if (!up.ok) throw new Error(up.problem.message)
  await using engine = connectAccess(up.access)
  return await work(engine)
}

describe('a virtual machine', () => {
  test('that is well is left alone', async () => {
    const pid = vmPid(files)
    expect(pid).not.toBeNull()
    expect(await bringUp()).toEqual({ started: false, said: '' })
    expect(vmPid(files)).toBe(pid)
  })

  test('has the time of this machine, from a clock that costs nothing to read', async () => {
    const { stdout } = await inside('date +%s; cat /sys/devices/system/clocksource/clocksource0/current_clocksource')
    const [seconds, source] = stdout.split('\n')
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(30)
    expect(source).toMatch(/^(tsc|kvm-clock)$/)
  })

  test('whose engine ended is sick, and the next run starts it again with the images that it had', async () => {
    const image = await withEngine((engine) => ensureHelperImage(engine, { signal }))
    await inside('systemctl stop docker.socket docker.service')
    expect(await hostStatus(ask)).toMatchObject({ state: 'sick' })
    const pid = vmPid(files)
    const { started, said } = await bringUp()
    expect({ started, said }).toEqual({
      started: true,
      said: expect.stringContaining('does not answer; starting it again'),
    })
    expect(vmPid(files)).not.toBe(pid)
    expect(await withEngine((engine) => engine.images.inspect(image, { signal }))).toMatchObject({ id: image })
  })

  test('whose emulator hangs is sick, and is replaced', async () => {
    const pid = vmPid(files) ?? 0
    process.kill(pid, 'SIGSTOP')
    expect(await hostStatus(ask)).toMatchObject({ state: 'sick' })
    expect(await bringUp()).toMatchObject({ started: true })
    expect(vmPid(files)).not.toBe(pid)
    expect(await hostStatus(ask)).toMatchObject({ state: 'up' })
  })

  test('that is purged leaves no process and no file', async () => {
    const pid = vmPid(files) ?? 0
    expect(await hostDown(ask, { purge: true })).toBeNull()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    expect(existsSync(files.disk)).toBe(false)
    expect(knownHosts(ask.env, ask.root).map((host) => host.spec)).not.toContainEqual(spec)
    expect(await hostStatus(ask)).toMatchObject({ state: 'absent' })
  })
})
