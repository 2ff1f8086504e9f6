/** What the machine is made of: Debian's packages, and the few files that make a Docker host of them. */

/** The kernel without drivers for hardware that no virtual machine has. */
export const guestPackages: readonly string[] = [
  'linux-image-cloud-amd64',
  'systemd-sysv',
  // Without it systemd does not hear the power button.
  'dbus',
  'udev',
  'openssh-server',
  'docker.io',
  'iptables',
  'iproute2',
  'apparmor',
  'kmod',
]

/** There before the first package, so that the boot file system holds the drivers for its disk and no others. */
export const earlyFiles: Readonly<Record<string, string>> = {
  '/etc/initramfs-tools/conf.d/matrix': 'MODULES=list\nCOMPRESS=lz4\n',
  '/usr/share/initramfs-tools/modules.d/matrix': 'virtio_pci\nvirtio_blk\next4\n',
}

// The power may go at any time, and what the page cache held is lost then: layers of images that are there by name and
// empty in truth. So an engine's store that was not closed is given up, and filled again by the next run.
const storeUnit = `[Unit]
Description=Give up an image store that was not closed
Before=docker.service containerd.service
RequiresMountsFor=/var/lib/docker

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'if [ -e /var/lib/matrix-store-open ]; then rm -rf /var/lib/docker/* /var/lib/containerd/*; fi; : > /var/lib/matrix-store-open; sync'
ExecStop=/bin/sh -c 'sync; rm -f /var/lib/matrix-store-open; sync'

[Install]
WantedBy=multi-user.target
`

const networkUnit = `[Match]
Type=ether
Driver=virtio_net

[Network]
DHCP=yes
`

/** Timers and consoles that nobody waits for, and that cost seconds where every instruction is emulated. */
const unwantedUnits = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
  ...[
    'e2scrub_reap.service',
    'getty@tty1.service',
    'serial-getty@ttyS0.service',
    'systemd-networkd-wait-online.service',
  ],
]

export interface GuestFile {
  readonly path: string
  readonly text: string
  readonly mode?: number
}

/** @param authorizedKey the public key that is let in as root */
export function guestFiles(authorizedKey: string): readonly GuestFile[] {
  return [
    { path: '/etc/fstab', text: '/dev/vda / ext4 defaults,noatime 0 1\n' },
    { path: '/etc/hostname', text: 'matrix-vm\n' },
    { path: '/etc/hosts', text: '127.0.0.1 localhost matrix-vm\n::1 localhost\n' },
    { path: '/etc/resolv.conf', text: 'nameserver 10.0.2.3\n' },
    { path: '/etc/systemd/network/10-ether.network', text: networkUnit },
    { path: '/etc/systemd/system/matrix-store.service', text: storeUnit },
    {
      path: '/etc/ssh/sshd_config.d/matrix.conf',
      text: 'PasswordAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\nX11Forwarding no\n',
    },
    { path: '/root/.ssh/authorized_keys', text: authorizedKey, mode: 0o600 },
  ]
}

/** Path → what it links to. */
export const guestLinks: Readonly<Record<string, string>> = {
  ...Object.fromEntries(unwantedUnits.map((unit) => [`/etc/systemd/system/${unit}`, '/dev/null'])),
  '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service':
    '/lib/systemd/system/systemd-networkd.service',
  '/etc/systemd/system/multi-user.target.wants/matrix-store.service': '/etc/systemd/system/matrix-store.service',
}

/** Run in the new root: keys of the machine and of its user, and the boot file system with the modules listed above. */
export const guestSetup = `set -e
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -C matrix-vm -f /etc/ssh/ssh_host_ed25519_key
ssh-keygen -q -t ed25519 -N '' -C matrix -f /root/key
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin`
