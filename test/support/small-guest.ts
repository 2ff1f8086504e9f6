/** A machine with no more in it than a kernel and busybox: it comes up in seconds even where it is emulated, and greets as an ssh server does. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { recipe } from '../../src/hosts/vm/vm-disk.ts'
import { vmFiles } from '../../src/hosts/vm/vm-files.ts'
import type { VmSpec } from '../../src/model/project.ts'

/** Of its network device, each after those that it needs. */
const modules = [
  ...['virtio/virtio_ring', 'virtio/virtio', 'virtio/virtio_pci_modern_dev', 'virtio/virtio_pci_legacy_dev'],
  ...['virtio/virtio_pci', '../net/core/failover', 'net/net_failover', 'net/virtio_net'],
]

const init = `#!/bin/busybox sh
${modules.map((path) => `/bin/busybox insmod /${basename(path)}.ko`).join('\n')}
/bin/busybox ip link set eth0 up
/bin/busybox ip addr add 10.0.2.15/24 dev eth0
exec /bin/busybox nc -ll -p 22 -e /greet
`

/** In the folder of a host, in place of the one that `matrix env up` would make there. Needs the package mirror, and root. */
export async function makeSmallGuest(folder: string, spec: VmSpec): Promise<void> {
  const files = vmFiles(folder)
  const [packages, root] = [join(folder, 'packages'), join(folder, 'root')]
  const program = ['--quiet', '--variant=extract', '--include=linux-image-cloud-amd64', spec.release, packages]
  await execa('mmdebstrap', program)
  const [release = ''] = readdirSync(join(packages, 'lib/modules'))
  for (const name of ['bin', 'dev', 'proc']) mkdirSync(join(root, name), { recursive: true })
  copyFileSync('/usr/bin/busybox', join(root, 'bin/busybox'))
  for (const path of modules) {
    copyFileSync(join(packages, `lib/modules/${release}/kernel/drivers/${path}.ko`), join(root, `${basename(path)}.ko`))
  }
  for (const [name, text] of Object.entries({ init, greet: '#!/bin/busybox sh\necho SSH-2.0-small\n' })) {
    writeFileSync(join(root, name), text)
    chmodSync(join(root, name), 0o755)
  }
  await execa('sh', ['-c', 'find . | busybox cpio -o -H newc > "$1"', 'sh', files.initrd], { cwd: root })
  copyFileSync(join(packages, `boot/vmlinuz-${release}`), files.kernel)
  for (const made of [packages, root]) rmSync(made, { recursive: true })
  writeFileSync(files.disk, Buffer.alloc(1024 ** 2))
  writeFileSync(files.hostKey, 'ssh-ed25519 none\n')
  writeFileSync(files.made, recipe(spec))
}
