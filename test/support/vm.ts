/** A virtual machine past its engine. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { execa } from 'execa'
import { hostFolder, hostName } from '../../src/hosts/host-place.ts'
import { type VmFiles, vmFiles } from '../../src/hosts/vm/vm-files.ts'
import { vmPid } from '../../src/hosts/vm/vm-process.ts'
import { readOr } from '../../src/lib/files.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { VmSpec } from '../../src/model/project.ts'

const gibibyte = 1024 ** 3

/** The same as an environment gets that says no more, so that one machine serves all. */
export const usualVm: VmSpec = {
  ...{ kind: 'vm', release: 'bookworm' },
  ...{ cpus: 2, memoryBytes: 3 * gibibyte, diskBytes: 20 * gibibyte },
}

/** Of the machine that a project's folder has. */
export const vmFilesIn = (root: string, spec: VmSpec): VmFiles =>
  vmFiles(hostFolder(process.env, projectIdOf(root), hostName(spec)))

/** As `setpriority(2)` and `/proc/PID/autogroup` have it; an unprivileged process may not ask for less than 0. */
const first = -10

/**
 * Has it go before all else on this machine, where that is allowed: emulated processors wait for one another's turn, and do
 * the same work for two fifths more of this machine's time where others take turns too. Where sessions share processors, a
 * priority counts within a session only, and the session's own beside it. Source: sched(7), autogroup.
 */
export function preferVm(files: VmFiles): void {
  const folder = `/proc/${vmPid(files)}`
  try {
    for (const thread of readdirSync(`${folder}/task`)) setPriority(Number(thread), first)
    if (existsSync(`${folder}/autogroup`)) writeFileSync(`${folder}/autogroup`, String(first))
  } catch (error) {
    // It takes longer then, and nothing else.
    process.stderr.write(`the virtual machine has no priority: ${error}\n`)
  }
}

/** Runs a command of its shell. */
export function insideVm(files: VmFiles, command: string) {
  const options = ['-p', readOr(files.port).trim(), '-i', files.key, '-o', `UserKnownHostsFile=${files.knownHosts}`]
  return execa('ssh', [...options, 'root@127.0.0.1', command])
}
