/** An engine in a network of its own on this machine, so that starting and ending it harms no other. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { ping } from '../../src/hosts/ping.ts'
import { childrenOf, commandLineOf, processIds, sendSignal } from '../../src/lib/process-table.ts'
import type { DebianRelease } from '../../src/model/project.ts'
import { testEngine } from './engine.ts'
import { rootImageOf } from './hosts.ts'
import { until } from './until.ts'

export interface OwnMachine extends AsyncDisposable {
  /** Everything of its engine is below it. */
  readonly folder: string
  /** Words that a command is put behind to run in it. */
  readonly within: readonly string[]
  /** Command lines of its processes. */
  processes(): readonly string[]
  /** Command lines of these and of all that they have started, which need not name its folder, by their pids. */
  processTree(): ReadonlyMap<number, string>
  /** Its mounts below the folder. */
  mounts(): Promise<readonly string[]>
  /** Its network devices, beside those that a network of its own has from the start. */
  devices(): Promise<readonly string[]>
  /** A Docker Engine of a user's there; it ends with the machine. */
  startEngine(): Promise<Engine>
}

const options = { signal: new AbortController().signal }

/** What would come from the package mirrors, which a network of its own does not reach. @param release of nested Docker */
export async function giveImages(engine: Engine, release: DebianRelease = 'bookworm'): Promise<void> {
  await using source = await testEngine()
  const root = await rootImageOf({ kind: 'nested', engine: 'docker', release, rootless: false })
  for (const reference of ['debian:bookworm-slim', root]) {
    await engine.images.load(await source.images.save(reference, options), options)
  }
}

/** Its own network, and no engine at the usual sockets. Needs root. */
export async function ownMachine(): Promise<OwnMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-own-'))
  const hide =
    'for at in /var/run/docker.sock /run/podman/podman.sock; do [ ! -S $at ] || mount --bind /dev/null $at; done'
  const script = `ip link set lo up && ${hide} && echo ready && exec sleep infinity`
  const command = ['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', 'sh', '-c', script]
  const holder = spawn('setpriv', command, { stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(() => Promise.reject(new Error('no network of its own can be made here'))),
  ])
  const within = ['nsenter', `--net=/proc/${holder.pid}/ns/net`, `--mount=/proc/${holder.pid}/ns/mnt`]
  const said = async (...words: readonly string[]): Promise<string> => {
    const [program = '', ...before] = within
    return (await execa(program, [...before, ...words])).stdout
  }
  // Tunnels that some kernels give every network. Source: net.core.fb_tunnels_only_for_init_net.
  const devices = async () => (await said('ls', '-1', '/proc/sys/net/ipv4/conf')).split('\n')
  const fromTheStart = await devices()
  const ofIt = () => processIds().filter((pid) => commandLineOf(pid)?.some((word) => word.includes(folder)))
  return {
    folder,
    within,
    processes: () => ofIt().map((pid) => commandLineOf(pid)?.join(' ') ?? ''),
    processTree: () => {
      const lines = new Map<number, string>()
      const add = (pid: number) => {
        if (!lines.has(pid)) lines.set(pid, commandLineOf(pid)?.join(' ') ?? '')
        for (const child of childrenOf(pid)) if (!lines.has(child)) add(child)
      }
      for (const pid of ofIt()) add(pid)
      return lines
    },
    async mounts() {
      return (await said('cat', '/proc/self/mountinfo')).split('\n').filter((line) => line.includes(folder))
    },
    devices: async () => (await devices()).filter((name) => !fromTheStart.includes(name)),
    async startEngine() {
      const endpoint = `unix://${join(folder, 'users.sock')}`
      const [program = '', ...words] = within
      const dockerd = [
        ...['dockerd', '-H', endpoint, '--pidfile', join(folder, 'pid')],
        ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ]
      spawn(program, [...words, ...dockerd], { stdio: 'ignore' })
      await until(async () => (await ping(endpoint, options)).answers)
      return connectDocker(endpoint)
    },
    async [Symbol.asyncDispose]() {
      if (holder.signalCode !== null) return
      // A container's process tells nothing of the folder; it is a child of its shim, which does.
      for (const pid of ofIt().flatMap((pid) => [...childrenOf(pid), pid])) sendSignal(pid, 'SIGKILL')
      const ended = once(holder, 'exit')
      holder.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true, maxRetries: 20 })
    },
  }
}

/** Names of files, but for locks, which have to outlive what they guard. */
export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.flatMap((entry) => (entry.isFile() && !/(^|\.)lock$/.test(entry.name) ? [entry.name] : []))
}
