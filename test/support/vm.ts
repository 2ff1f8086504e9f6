/** A look into a virtual machine past its engine. */
import { execa } from 'execa'
import type { VmFiles } from '../../src/hosts/vm/vm-files.ts'
import { readOr } from '../../src/lib/files.ts'
import type { VmSpec } from '../../src/model/project.ts'

const gibibyte = 1024 ** 3

/** The same as an environment gets that says no more, so that one machine serves all. */
export const usualVm: VmSpec = {
  ...{ kind: 'vm', release: 'bookworm' },
  ...{ cpus: 2, memoryBytes: 3 * gibibyte, diskBytes: 20 * gibibyte },
}

/** Runs a command of its shell. */
export function insideVm(files: VmFiles, command: string) {
  const options = ['-p', readOr(files.port).trim(), '-i', files.key, '-o', `UserKnownHostsFile=${files.knownHosts}`]
  return execa('ssh', [...options, 'root@127.0.0.1', command])
}
