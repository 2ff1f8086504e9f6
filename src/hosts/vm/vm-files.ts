/** Where a virtual machine keeps its things, all in the host's own folder. */
import { join } from 'node:path'

export interface VmFiles {
  readonly disk: string
  readonly kernel: string
  readonly initrd: string
  /** Private key of the only user that is let in, and the keys of the machine as that user knows them. */
  readonly key: string
  readonly hostKey: string
  readonly knownHosts: string
  readonly pid: string
  /** Port on the loopback that leads to the machine's ssh. */
  readonly port: string
  /** Commands to the emulator. */
  readonly monitor: string
  readonly console: string
  readonly log: string
  /** Which accelerator worked. */
  readonly accelerator: string
  /** Written last of all that is made, with what it was made from. */
  readonly made: string
}

export function vmFiles(folder: string): VmFiles {
  const file = (name: string) => join(folder, name)
  return {
    disk: file('disk.img'),
    kernel: file('vmlinuz'),
    initrd: file('initrd.img'),
    key: file('key'),
    hostKey: file('host-key.pub'),
    knownHosts: file('known_hosts'),
    pid: file('qemu.pid'),
    port: file('port'),
    monitor: file('monitor.sock'),
    console: file('console.log'),
    log: file('qemu.log'),
    accelerator: file('accelerator'),
    made: file('made.json'),
  }
}
