/** A virtual machine with a kernel of its own and Docker on it, reached by ssh: found again, mended, or made. */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { arch, platform, userInfo } from 'node:os'
import { EngineError } from '../../engines/engine.ts'
import { deadline } from '../../lib/abort.ts'
import { systemClock } from '../../lib/clock.ts'
import { readOr } from '../../lib/files.ts'
import { oneLine } from '../../lib/printable.ts'
import type { VmSpec } from '../../model/project.ts'
import { type HostKind, type HostRequest, type HostUp, neverMade } from '../host.ts'
import { hasLiveRun } from '../live-runs.ts'
import { ensurePrograms, vmPrograms } from '../packages.ts'
import type { HostProblem } from '../problem.ts'
import { type Accelerator, acceleratorsToTry, rememberedAccelerator, startWithOneOf } from './accelerator.ts'
import { isMade, makeDisk } from './vm-disk.ts'
import { type VmFiles, vmFiles } from './vm-files.ts'
import { greets, killVm, lastWords, mismeasuredKilohertz, startVm, stopVm, vmPid } from './vm-process.ts'

const answersWithinMs = 300_000
const healthWithinMs = 60_000

interface Trying {
  /** The device by which this machine offers KVM. */
  readonly kvm: string
  /** How long it has until its ssh server greets. */
  readonly greetsWithinMs: Readonly<Record<Accelerator, number>>
}

// Where KVM works the machine is up within seconds; one that hangs in it says nothing for ever.
const trying: Trying = { kvm: '/dev/kvm', greetsWithinMs: { kvm: 60_000, tcg: 480_000 } }

export const vm: HostKind<VmSpec> = {
  up: (request) => bringUp(request, trying),

  async status(request) {
    const files = vmFiles(request.folder)
    if (!existsSync(files.made)) return neverMade
    const pid = vmPid(files)
    if (pid === null) return { state: 'down', message: 'does not run' }
    const how = rememberedAccelerator(files) === 'kvm' ? 'with KVM' : 'under emulation'
    const said = await answer(request, healthWithinMs)
    return said === null
      ? {
          state: 'up',
          access: accessOf(request),
          message: `pid ${pid}, ${how}, answers at ${accessOf(request).endpoint}`,
        }
      : { state: 'sick', message: `pid ${pid}, ${how}: ${said}` }
  },

  runs: async ({ folder }) => vmPid(vmFiles(folder)) !== null,

  async down(request, { purge }) {
    const files = vmFiles(request.folder)
    // What is thrown away needs no orderly end.
    await (purge ? killVm(files) : stopVm(files))
    for (const path of [files.pid, files.monitor]) rmSync(path, { force: true })
    if (purge) rmSync(request.folder, { recursive: true, force: true })
    return null
  },
}

/** @param how what is tried, and for how long */
export async function bringUp(request: HostRequest<VmSpec>, how: Trying): Promise<HostUp> {
  const { name, folder, spec, onProgress } = request
  const files = vmFiles(folder)
  if (vmPid(files) !== null) {
    const isWell = (await answer(request, healthWithinMs)) === null
    if (isWell && (isMade(files, spec) || (await isInUse(request)))) return upAs(request, false)
    const why = isWell ? 'was made by another version of Matrix; making it again' : 'does not answer; starting it again'
    onProgress(`${name} runs and ${why}`)
  }
  await stopVm(files)
  const blocker = await obstacle(request)
  if (blocker !== null) return { ok: false, problem: blocker }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    if (!isMade(files, spec)) await makeDisk(files, request)
    const failure = await boot(request, { files, how })
    if (failure === null) return upAs(request, true)
    return trouble(request, failure)
  } catch (error) {
    request.signal.throwIfAborted()
    return trouble(request, error instanceof Error ? error.message : String(error))
  }
}

/** Null once its engine answers, else why not. A machine that did not come up does not stay behind. */
async function boot(
  request: HostRequest<VmSpec>,
  { files, how }: { readonly files: VmFiles; readonly how: Trying },
): Promise<string | null> {
  const { name, onProgress, signal } = request
  return startWithOneOf(acceleratorsToTry(rememberedAccelerator(files), existsSync(how.kvm)), {
    files,
    onFallback: (accelerator, failure) =>
      onProgress(`${accelerator.toUpperCase()} does not work here: ${oneLine(failure)}`),
    async attempt(accelerator) {
      const words = accelerator === 'kvm' ? 'with KVM' : 'under emulation, which takes a minute or more'
      onProgress(`starting ${name} ${words}`)
      let failure: string | null
      try {
        failure = await start(request, { accelerator, files, withinMs: how.greetsWithinMs[accelerator] })
      } catch (error) {
        await killVm(files)
        signal.throwIfAborted()
        failure = error instanceof Error ? error.message : String(error)
      }
      if (failure !== null) await killVm(files)
      return failure
    },
  })
}

/** Null once its engine answers, else why not. */
async function start(
  request: HostRequest<VmSpec>,
  options: { readonly accelerator: Accelerator; readonly files: VmFiles; readonly withinMs: number },
): Promise<string | null> {
  const { accelerator, files, withinMs } = options
  let running = await startVm(files, { ...request, accelerator, kilohertz: null })
  let greeted = await greetsInTime(files, withinMs, request.signal)
  if (typeof greeted === 'object') {
    request.onProgress(`the clock of ${request.name} goes wrong; starting it again`)
    await killVm(files)
    running = await startVm(files, { ...request, accelerator, ...greeted })
    greeted = await greetsInTime(files, withinMs, request.signal)
  }
  // One that cannot be had with this accelerator may have run for a moment.
  if (greeted !== true && vmPid(files) === null) return running.end
  if (greeted !== true) return `it did not come up within ${withinMs / 1000} s: ${lastWords(files)}`
  const said = await answer(request, answersWithinMs)
  return said === null ? null : `its engine does not answer: ${said}`
}

/** Or, long before it could greet, that its clock goes wrong, and at which rate it should. */
async function greetsInTime(
  files: VmFiles,
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean | { readonly kilohertz: number }> {
  using limit = deadline(withinMs, signal)
  for (let count = 1; !limit.signal.aborted && vmPid(files) !== null; count++) {
    const kilohertz = mismeasuredKilohertz(readOr(files.console))
    if (kilohertz !== null) return { kilohertz }
    // The emulator takes a connection before there is anybody to lead it to, and tries that seldom; but a crowded machine
    // needs its time to greet.
    using patience = deadline(count * 5_000, limit.signal)
    if (await greets(files, patience.signal)) return true
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

/** Whether a run that lives has something in it. */
async function isInUse(request: HostRequest<VmSpec>): Promise<boolean> {
  const { endpoint, access } = accessOf(request)
  await using engine = request.connect(endpoint, access)
  try {
    return await hasLiveRun(engine, {}, request)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return false
  }
}

const upAs = (request: HostRequest<VmSpec>, started: boolean): HostUp => {
  const emulated = rememberedAccelerator(vmFiles(request.folder)) !== 'kvm'
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
  if (platform() !== 'linux' || arch() !== 'x64') {
    const message = 'a virtual machine is made on 64-bit x86 Linux only'
    return { kind: 'machine', message, hint: 'Name a machine of yours instead: engine: { connect: ssh://user@host }.' }
  }
  if (userInfo().uid !== 0) {
    const message = `${request.name} is made from packages, which only root can unpack`
    return { kind: 'machine', message, hint: 'Run as root: sudo matrix env up' }
  }
  return await ensurePrograms(vmPrograms, { ...request, whom: request.name })
}

function trouble(request: HostRequest<VmSpec>, message: string): HostUp {
  const { console } = vmFiles(request.folder)
  // Before it first starts it has said nothing.
  const said = existsSync(console)
    ? `${console} is what it said`
    : 'matrix doctor tells whether the package mirror is reachable'
  return {
    ok: false,
    problem: {
      kind: 'machine',
      message: `${request.name}: ${oneLine(message, 800)}`,
      hint: `${said}; matrix env down --purge ${request.name} takes it away, and the next run makes it anew.`,
    },
  }
}
