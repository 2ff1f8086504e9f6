/**
 * What an embedded engine changes in the network that it shares with the machine: chains and rules of the firewall, and
 * that packets are forwarded. It leaves them when it ends, so what was there before is written down when it starts.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { namesIn, readOr } from '../lib/files.ts'
import { namespaceOf } from '../lib/process-table.ts'
import { devicesFolder } from './embedded-devices.ts'
import type { EmbeddedPaths } from './embedded-paths.ts'
import { programPath, rivalEngine } from './embedded-process.ts'
import { undoing } from './firewall.ts'

type Env = Readonly<Record<string, string | undefined>>

const families = ['iptables', 'ip6tables'] as const
const switches = [
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/sys/net/ipv6/conf/all/forwarding',
  '/proc/sys/net/ipv6/conf/default/forwarding',
] as const

interface NetworkBefore {
  /** Of this start of the machine and in this network; elsewhere it says nothing. */
  readonly place: string
  readonly devices: readonly string[]
  readonly switches: Readonly<Record<string, string>>
  /** As `iptables-save` tells them; a family that cannot be read is not among them. */
  readonly rules: Readonly<Record<string, string>>
}

/** To be called before the engine starts. What an engine of ours that was killed has left does not count as there before. */
export async function recordNetwork(paths: EmbeddedPaths, env: Env): Promise<void> {
  if (recorded(paths) !== null) return
  const rules: Record<string, string> = {}
  for (const family of families) {
    const text = await rulesOf(family, env)
    if (text !== null) rules[family] = text
  }
  const before: NetworkBefore = {
    place: place(),
    devices: namesIn(devicesFolder),
    switches: Object.fromEntries(switches.map((path) => [path, readOr(path).trim()])),
    rules,
  }
  mkdirSync(paths.runDir, { recursive: true, mode: 0o755 })
  writeFileSync(paths.networkBefore, JSON.stringify(before), { mode: 0o600 })
}

/** To be called when the engine and its devices are gone. Where another one shares the network, all stays, for it may use it. */
export async function restoreNetwork(paths: EmbeddedPaths, env: Env): Promise<void> {
  const before = recorded(paths)
  if (before !== null && rivalEngine(paths) === null) {
    for (const family of families) await restoreRules(family, before.rules[family], env)
    // Who made a device since may count on what it sends being forwarded.
    const isAlone = namesIn(devicesFolder).every((name) => before.devices.includes(name))
    if (isAlone) restoreSwitches(before.switches)
  }
  rmSync(paths.networkBefore, { force: true })
}

async function restoreRules(family: (typeof families)[number], before: string | undefined, env: Env): Promise<void> {
  const now = before === undefined ? null : await rulesOf(family, env)
  const undo = before === undefined || now === null ? null : undoing(before, now)
  if (undo === null) return
  const restoring = promisify(execFile)(`${family}-restore`, ['--noflush', '--wait', '5'], options(env))
  // One that ends without reading says why by its exit code.
  restoring.child.stdin?.on('error', () => {}).end(undo)
  // Somebody may have changed the same in the meantime; then it is his.
  await restoring.catch(() => {})
}

function restoreSwitches(before: NetworkBefore['switches']): void {
  for (const path of switches) {
    if (before[path] !== '0' || readOr(path).trim() !== '1') continue
    try {
      writeFileSync(path, '0\n')
    } catch {
      // It cannot be written here, and so was not by the engine.
    }
  }
}

function recorded({ networkBefore }: EmbeddedPaths): NetworkBefore | null {
  try {
    const before = JSON.parse(readOr(networkBefore)) as NetworkBefore
    return before.place === place() ? before : null
  } catch {
    return null
  }
}

const place = (): string => `${readOr('/proc/sys/kernel/random/boot_id').trim()} ${namespaceOf('self', 'net')}`

/** Null where the program is not there or may not read them. */
async function rulesOf(family: (typeof families)[number], env: Env): Promise<string | null> {
  try {
    return (await promisify(execFile)(`${family}-save`, [], options(env))).stdout
  } catch {
    return null
  }
}

const options = (env: Env) => ({
  env: { ...env, PATH: programPath(env) },
  timeout: 10_000,
  maxBuffer: 64 * 1024 * 1024,
})
