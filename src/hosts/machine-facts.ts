/** What this machine is, as far as running containers on it goes. */
import { existsSync, readFileSync } from 'node:fs'
import { arch, availableParallelism, freemem, platform, release, totalmem, userInfo } from 'node:os'
import { osRelease } from './packages.ts'

export interface MachineFacts {
  readonly system: string
  /** As Node names it, such as `linux`. */
  readonly platform: string
  readonly kernel: string
  readonly arch: string
  readonly root: boolean
  readonly cpus: number
  readonly memoryBytes: number
  readonly freeMemoryBytes: number
  readonly cgroup: 'v1' | 'v2' | 'none'
}

export function machineFacts(): MachineFacts {
  return {
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease())?.[1] ?? platform(),
    platform: platform(),
    kernel: release(),
    arch: arch(),
    root: userInfo().uid === 0,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: availableMemory(),
    cgroup: existsSync('/sys/fs/cgroup/cgroup.controllers')
      ? 'v2'
      : existsSync('/sys/fs/cgroup/memory')
        ? 'v1'
        : 'none',
  }
}

function availableMemory(): number {
  try {
    const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
    return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024
  } catch {
    return freemem()
  }
}
