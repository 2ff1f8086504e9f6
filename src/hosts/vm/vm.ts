/** A virtual machine with a kernel of its own and Docker on it, reached by ssh: found again, mended, or made. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { arch, platform, userInfo } from 'node:os'
import { EngineError } from '../../engines/engine.ts'
import { deadline } from '../../lib/abort.ts'
import { systemClock } from '../../lib/clock.ts'
import { readOr } from '../../lib/files.ts'
import { oneLine } from '../../lib/printable.ts'
import type { VmSpec } from '../../model/project.ts'
import type { HostKind, HostRequest, HostUp } from '../host.ts'
import { install, installCommand, isDebian, missingPrograms, osRelease, vmPrograms } from '../packages.ts'
import type { HostProblem } from '../problem.ts'
import { isMade, makeDisk } from './vm-disk.ts'
import { type VmFiles, vmFiles } from './vm-files.ts'
import { type Accelerator, greets, killVm, lastWords, startVm, stopVm, vmPid } from './vm-process.ts'

// Where KVM works the machine is up within seconds; one that hangs in it says nothing for ever.
const greetsWithinMs: Readonly<Record<Accelerator, number>> = { kvm: 60_000, tcg: 480_000 }
const answersWithinMs = 300_000
const healthWithinMs = 60_000

export const vm: HostKind<VmSpec> = {
  up: bringUp,

  async status(request) {
    const files = vmFiles(request.folder)
    if (!existsSync(files.made)) return { state: 'absent', message: 'was not made yet' }
    const pid = vmPid(files)
    if (pid === null) return { state: 'down', message: 'does not run' }
    const how = readOr(files.accelerator, 'tcg').trim() === 'kvm' ? 'with KVM' : 'under emulation'
    const said = await answer(request, healthWithinMs)
    return said === null
      ? {
          state: 'up',
          access: accessOf(request),
          message: `pid ${pid}, ${how}, answers at ${accessOf(request).endpoint}`,
        }
      : { state: 'sick', message: `pid ${pid}, ${how}: ${said}` }
  },

  async down(request, { purge }) {
    const files = vmFiles(request.folder)
    // What is thrown away needs no orderly end.
    await (purge ? killVm(files) : stopVm(files))
    for (const path of [files.pid, files.monitor]) rmSync(path, { force: true })
    if (purge) rmSync(request.folder, { recursive: true, force: true })
    return null
  },
}

async function bringUp(request: HostRequest<VmSpec>): Promise<HostUp> {
  const { name, folder, spec, onProgress } = request
  const files = vmFiles(folder)
  if (isMade(files, spec) && vmPid(files) !== null) {
    if ((await answer(request, healthWithinMs)) === null) return running(request, false)
    onProgress(`${name} runs and does not answer; starting it again`)
  }
  await stopVm(files)
  const blocker = await obstacle(request)
  if (blocker !== null) return { ok: false, problem: blocker }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    if (!isMade(files, spec)) await makeDisk(files, request)
    const failure = await boot(request, files)
    if (failure === null) return running(request, true)
    return trouble(request, failure)
  } catch (error) {
    request.signal.throwIfAborted()
    return trouble(request, error instanceof Error ? error.message : String(error))
  }
}

/** Null once its engine answers, else why not. A machine that did not come up does not stay behind. */
async function boot(request: HostRequest<VmSpec>, files: VmFiles): Promise<string | null> {
  const { name, onProgress, signal } = request
  const known = readOr(files.accelerator, '').trim()
  const choices: readonly Accelerator[] =
    known === 'kvm' || known === 'tcg' ? [known] : existsSync('/dev/kvm') ? ['kvm', 'tcg'] : ['tcg']
  let failure = ''
  for (const accelerator of choices) {
    onProgress(
      `starting ${name} ${accelerator === 'kvm' ? 'with KVM' : 'under emulation, which takes a minute or more'}`,
    )
    try {
      await startVm(files, { ...request, accelerator })
      if (await greetsInTime(files, accelerator, signal)) {
        writeFileSync(files.accelerator, `${accelerator}\n`)
        const said = await answer(request, answersWithinMs)
        if (said === null) return null
        failure = `its engine does not answer: ${said}`
      } else failure = `it did not come up within ${greetsWithinMs[accelerator] / 1000} s: ${lastWords(files)}`
    } catch (error) {
      await killVm(files)
      signal.throwIfAborted()
      failure = error instanceof Error ? error.message : String(error)
    }
    await killVm(files)
    if (accelerator !== choices.at(-1))
      onProgress(`${accelerator.toUpperCase()} does not work here: ${oneLine(failure)}`)
  }
  // What worked once and does not now is tried anew by the next run.
  rmSync(files.accelerator, { force: true })
  return failure
}

async function greetsInTime(files: VmFiles, accelerator: Accelerator, signal: AbortSignal): Promise<boolean> {
  using limit = deadline(greetsWithinMs[accelerator], signal)
  while (!limit.signal.aborted && vmPid(files) !== null) {
    if (await greets(files, limit.signal)) return true
    await systemClock.sleep(500, limit.signal).catch(() => {})
  }
  signal.throwIfAborted()
  return false
}

/** Null where its engine answers within the time, else what it says instead. */
async function answer(request: HostRequest<VmSpec>, withinMs: number): Promise<string | null> {
  const { endpoint, access } = accessOf(request)
  const files = vmFiles(request.folder)
  using limit = deadline(withinMs, request.signal)
  let last = 'no answer'
  while (!limit.signal.aborted && vmPid(files) !== null) {
    await using engine = request.connect(endpoint, access)
    try {
      await engine.facts({ signal: limit.signal })
      return null
    } catch (error) {
      if (!limit.signal.aborted && !(error instanceof EngineError)) throw error
      if (error instanceof EngineError) last = error.message
    }
    await systemClock.sleep(1000, limit.signal).catch(() => {})
  }
  request.signal.throwIfAborted()
  return last
}

const running = (request: HostRequest<VmSpec>, started: boolean): HostUp => {
  const emulated = readOr(vmFiles(request.folder).accelerator, 'tcg').trim() !== 'kvm'
  return { ok: true, access: accessOf(request), started, emulated }
}

function accessOf({ folder }: HostRequest<VmSpec>) {
  const files = vmFiles(folder)
  const endpoint = `ssh://root@127.0.0.1:${readOr(files.port, '').trim()}`
  const ssh = { identityFiles: [files.key], knownHostsFiles: [files.knownHosts] }
  return { kind: 'engine', endpoint, access: { ssh } } as const
}

/** Why a machine cannot be had here; installs what is missing where that is allowed. */
async function obstacle(request: HostRequest<VmSpec>): Promise<HostProblem | null> {
  const { env, mayInstall } = request
  if (platform() !== 'linux' || arch() !== 'x64') {
    const message = 'a virtual machine is made on 64-bit x86 Linux only'
    return { kind: 'machine', message, hint: 'Name a machine of yours instead: engine: { connect: ssh://user@host }.' }
  }
  if (userInfo().uid !== 0) {
    const message = `${request.name} is made from packages, which only root can unpack`
    return { kind: 'machine', message, hint: 'Run as root: sudo matrix env up' }
  }
  const missing = missingPrograms(vmPrograms, env)
  if (missing.length === 0) return null
  if (mayInstall && isDebian(osRelease())) return install(missing, request)
  const message = `${request.name} needs ${missing.join(', ')}`
  return { kind: 'machine', message, hint: `Run: ${installCommand(missing)}, or matrix check --install` }
}

function trouble(request: HostRequest<VmSpec>, message: string): HostUp {
  return {
    ok: false,
    problem: {
      kind: 'machine',
      message: `${request.name}: ${oneLine(message, 800)}`,
      hint: `${vmFiles(request.folder).console} is what it said; matrix env down --purge takes it away, and the next run makes it anew.`,
    },
  }
}
