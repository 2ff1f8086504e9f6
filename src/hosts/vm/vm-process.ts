/** The emulator's process: starting it, telling it from another one, and ending it by its own pid. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { systemClock } from '../../lib/clock.ts'
import { readOr } from '../../lib/files.ts'
import { commandLineOf } from '../../lib/process-table.ts'
import type { VmSpec } from '../../model/project.ts'
import { endProcess, programPath } from '../embedded-process.ts'
import type { Accelerator } from './accelerator.ts'
import type { VmFiles } from './vm-files.ts'

// Under emulation an instruction that copies a whole block is taken byte by byte; without these two the kernel uses
// another, and copies six times faster.
const cpuOf: Readonly<Record<Accelerator, string>> = { kvm: 'host', tcg: 'max,-erms,-fsrm' }

const kernelWords = 'root=/dev/vda rw console=ttyS0 mitigations=off net.ifnames=0 systemd.show_status=1'

// The kernel mistrusts the emulated processors' clocks, which are one: without it every look at the time is a trip to an
// emulated device, and a program of Go or Java looks at it all the time. And Go interrupts with a signal what takes it longer
// than ten milliseconds, which is nearly everything here: an engine without that loads an image an eighth cheaper.
const wordsOf: Readonly<Record<Accelerator, string>> = {
  kvm: '',
  tcg: ' clocksource=tsc tsc=reliable systemd.setenv=GODEBUG=asyncpreemptoff=1',
}

const clockRate = (kilohertz: number | null) => (kilohertz === null ? '' : ` tsc_early_khz=${kilohertz}`)

const shutdownMs = 90_000
const monitorWithinMs = 10_000

/** Its pid; null where it does not run. */
export function vmPid(files: VmFiles): number | null {
  const pid = Number(readOr(files.pid, ''))
  if (!Number.isInteger(pid) || pid <= 1) return null
  // The pid file may be older than the process that has its number now.
  return (commandLineOf(pid) ?? []).some((word) => word.includes(`file=${files.disk},`)) ? pid : null
}

export interface RunningVm {
  /** Resolves when it has ended, with how in words; never rejects. */
  readonly end: Promise<string>
}

/** Starts it detached; it outlives this process. Rejects with an `Error` where it ends at once. Resolves once it runs. */
export async function startVm(
  files: VmFiles,
  options: {
    readonly spec: VmSpec
    readonly accelerator: Accelerator
    /** At which its processors' clocks go; null: its kernel measures it. */
    readonly kilohertz: number | null
    readonly env: Readonly<Record<string, string | undefined>>
  },
): Promise<RunningVm> {
  const { spec, accelerator, kilohertz, env } = options
  for (const path of [files.pid, files.monitor, files.console]) rmSync(path, { force: true })
  const port = await freePort()
  const log = openSync(files.log, 'w', 0o640)
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-name', 'matrix-vm', '-machine', 'q35', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi', '-cpu', cpuOf[accelerator]],
      ...['-smp', String(spec.cpus), '-m', `${Math.floor(spec.memoryBytes / 1024 ** 2)}M`],
      ...['-kernel', files.kernel, '-initrd', files.initrd],
      ...['-append', `${kernelWords}${wordsOf[accelerator]}${clockRate(kilohertz)}`],
      ...['-drive', `file=${files.disk},if=none,id=root,format=raw,cache=unsafe,discard=unmap`],
      ...['-device', 'virtio-blk-pci,drive=root'],
      ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`],
      ...['-device', 'virtio-net-pci,netdev=net,romfile='],
      ...['-device', 'virtio-rng-pci', '-serial', `file:${files.console}`],
      ...['-qmp', `unix:${files.monitor},server=on,wait=off`, '-pidfile', files.pid],
      ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ],
    { detached: true, stdio: ['ignore', log, log], cwd: '/', env: { PATH: programPath(env) } },
  )
  closeSync(log)
  child.unref()
  const ended = Promise.race([
    once(child, 'exit').then(([code, signal]) => signal ?? `exit code ${code}`),
    once(child, 'error').then(([error]) => String(error)),
  ])
  const end = ended.then((how) => `the emulator ended with ${how}: ${readOr(files.log, '').trim().slice(-600)}`)
  for (;;) {
    const failure = await Promise.race([end, systemClock.sleep(100).then(() => null)])
    if (failure !== null) throw new Error(failure)
    if (vmPid(files) !== null) break
  }
  writeFileSync(files.port, `${port}\n`)
  writeFileSync(files.knownHosts, `[127.0.0.1]:${port} ${readFileSync(files.hostKey, 'utf8')}`)
  return { end }
}

/** Presses its power button and waits; by force after that. One that does not run is no error. */
export async function stopVm(files: VmFiles): Promise<void> {
  const pid = vmPid(files)
  if (pid === null) return
  const heard = await powerDown(files.monitor)
  for (let waitedMs = 0; heard && waitedMs < shutdownMs && vmPid(files) !== null; waitedMs += 200)
    await systemClock.sleep(200)
  if (vmPid(files) !== null) await endProcess(pid, 5_000)
}

/** Ends it as a power cut would. */
export async function killVm(files: VmFiles): Promise<void> {
  const pid = vmPid(files)
  if (pid !== null) await endProcess(pid, 5_000)
}

/** Whether the emulator heard it: one that hangs takes the connection and never answers. Source: QEMU Machine Protocol. */
async function powerDown(monitor: string): Promise<boolean> {
  let heard = false
  const socket = connect(monitor)
  const words = ['{"execute":"qmp_capabilities"}', '{"execute":"system_powerdown"}']
  socket.on('error', () => socket.destroy())
  socket.on('data', () => {
    const next = words.shift()
    if (next !== undefined) return socket.write(`${next}\n`)
    heard = true
    return socket.end()
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await Promise.race([closed, systemClock.sleep(monitorWithinMs)])
  socket.destroy()
  return heard
}

/** The greeting of its ssh server within the time; the port alone is open from the start. */
export async function greets(files: VmFiles, signal: AbortSignal): Promise<boolean> {
  const port = Number(readOr(files.port, ''))
  const socket = connect(port, '127.0.0.1')
  const onAbort = () => socket.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once('data', (chunk) => resolve(chunk.toString('latin1').startsWith('SSH-2.0')))
      socket.once('error', () => resolve(false))
      socket.once('close', () => resolve(false))
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}

/**
 * The rate of its clocks by another timer, where its kernel says that it measured another one and took that: on a crowded
 * machine an emulated timer may be ahead of the processors, and the machine's time goes many times too fast then. Null where
 * it says no such thing. Source: Linux, arch/x86/kernel/tsc.c, pit_hpet_ptimer_calibrate_cpu.
 */
export function mismeasuredKilohertz(console: string): number | null {
  const [, kilohertz] = /tsc: PIT calibration deviates from (?:HPET|PMTIMER): \d+ (\d+)/.exec(console) ?? []
  return kilohertz === undefined ? null : Number(kilohertz)
}

/** The last that the machine said on its console. */
export function lastWords(files: VmFiles): string {
  const text = readOr(files.console, '')
  return (
    text
      .trim()
      .split(/[\r\n]+/)
      .slice(-4)
      .join(' | ')
      .slice(-500) || 'nothing on its console'
  )
}
