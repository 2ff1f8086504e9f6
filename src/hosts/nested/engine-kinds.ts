/** What each nested engine is made of: its packages, the program it is started by, and what it asks of the machine. */
import { existsSync } from 'node:fs'
import type { DebianRelease, NestedSpec, PublishedSpec } from '../../model/project.ts'
import { missingCapabilities } from './capabilities.ts'

/** Where its root image is from, and what it is called: the same for engines that share one. */
export type RootSource =
  | {
      readonly kind: 'packages'
      readonly reference: string
      readonly suite: string
      readonly packages: readonly string[]
    }
  | { readonly kind: 'published'; readonly reference: string }

export interface NestedEngine {
  readonly root: RootSource
  /** Run by a shell; the engine has to listen on `$SOCKET`. */
  readonly script: string
  /** Where it keeps images and containers: a volume, since overlay on overlay is refused. */
  readonly dataFolder: string
  /** Of the machine's, if there: `/dev/fuse` and `/dev/net/tun` for an engine without root. */
  readonly devices: readonly string[]
  readonly missingCapabilities: readonly string[]
  readonly cgroupNamespace: 'host' | 'private'
}

/** What it finds on the machine that it is made on. */
export interface NestedMachine {
  readonly missingCapabilities: readonly string[]
  /** Control groups of version 2 alone. */
  readonly hasCgroups2: boolean
  /** Those of `userDevices` that are there. */
  readonly devices: readonly string[]
}

const userDevices = ['/dev/fuse', '/dev/net/tun']

const thisMachine = (): NestedMachine => ({
  missingCapabilities: missingCapabilities(),
  hasCgroups2: existsSync('/sys/fs/cgroup/cgroup.controllers'),
  devices: userDevices.filter((path) => existsSync(path)),
})

export function nestedEngine(spec: NestedSpec | PublishedSpec, machine = thisMachine()): NestedEngine {
  const common = {
    missingCapabilities: machine.missingCapabilities,
    cgroupNamespace: machine.hasCgroups2 ? ('private' as const) : ('host' as const),
  }
  if (spec.kind === 'published') {
    return { ...common, ...docker({ config: ownStore }), root: { kind: 'published', reference: spec.image } }
  }
  if (spec.engine === 'podman') return { ...common, ...podmanEngine(spec, machine) }
  return { ...common, ...(spec.rootless ? rootlessDockerEngine(spec, machine) : dockerEngine(spec)) }
}

/** Where the folder of `writeAuthorities` is seen inside. */
export const authoritiesInside = '/run/matrix-certs.d'

const linkAuthorities = (folder: string) => `mkdir -p ${folder}; ln -sfn ${authoritiesInside} ${folder}/certs.d`

const hasCgroups2 = '[ -f /sys/fs/cgroup/cgroup.controllers ]'

// Under v2 a container has a hierarchy of its own, which an engine mounts read-only unless the container is privileged
// (moby#46763); and a group with children may hold no process itself, so everything moves into a child first.
const prepareCgroups2 = `
  mount -o remount,bind,rw /sys/fs/cgroup
  mkdir -p /sys/fs/cgroup/init
  for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo $pid > /sys/fs/cgroup/init/cgroup.procs 2>/dev/null || :; done
  sed 's/^/+/; s/ / +/g' /sys/fs/cgroup/cgroup.controllers > /sys/fs/cgroup/cgroup.subtree_control`

// Under v1 the machine's hierarchy is shared, and what runs inside is put below the host's own group, so that it goes
// with it.
const prepareCgroups = `
if ${hasCgroups2}; then${prepareCgroups2}
  GROUP=/docker
else
  GROUP=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
fi`

// Its own network stack refuses the namespaces of a nested engine; the container's namespace is used all the same. What a
// workload writes beside its volumes stays in memory and counts as its own, as where such a sandbox is sold.
const sandboxConfig = JSON.stringify({
  runtimes: {
    runsc: { path: '/usr/bin/runsc', runtimeArgs: ['--platform=systrap', '--network=host', '--overlay2=root:memory'] },
  },
  'default-runtime': 'runsc',
})

function dockerEngine(spec: NestedSpec) {
  return { ...docker({ config: spec.runtime === 'runsc' ? sandboxConfig : null }), root: rootOf(spec.release) }
}

// With networks that only its releases from bookworm on have.
const podmanPackages = ['podman', 'crun', 'netavark', 'aardvark-dns', 'nftables', 'catatonit', 'procps']

/** Beside what every release's have. */
const packagesOf: Readonly<Record<DebianRelease, readonly string[]>> = {
  bullseye: [],
  bookworm: podmanPackages,
  // The client is a package of its own here; a cluster is formed with it. The shell looks into sandboxes: it is the one
  // program of Debian's that needs nothing of the image it runs in.
  trixie: ['docker-cli', 'runsc', 'mksh', ...podmanPackages, 'passt'],
}

/** One for every engine of a release, with root or without, sandboxed or not: to make one takes longer than all that is in it. */
function rootOf(release: DebianRelease) {
  const packages = [
    ...['docker.io', 'iptables', 'iproute2', 'ca-certificates'],
    ...['rootlesskit', 'slirp4netns', 'uidmap', 'fuse-overlayfs'],
    ...packagesOf[release],
  ]
  return { kind: 'packages' as const, reference: `matrix-host:${release}`, suite: release, packages }
}

// Images are called by their configs, which a newer Docker's store of images in containerd does not.
const ownStore = JSON.stringify({ features: { 'containerd-snapshotter': false } })

/** @param config its `daemon.json`; null: none */
function docker({ config }: { readonly config: string | null }) {
  return {
    script: `set -e${prepareCgroups}
${linkAuthorities('/etc/docker')}
rm -f /var/run/docker.pid "$SOCKET"
${config === null ? '' : `mkdir -p /etc/docker; echo '${config}' > /etc/docker/daemon.json`}
exec dockerd --host "unix://$SOCKET" --host unix:///var/run/docker.sock --group root --cgroup-parent "$GROUP" --log-level warn`,
    dataFolder: '/var/lib/docker',
    devices: [],
  }
}

// Debian's script starts it. Control groups stay as they are: without systemd it uses none. Only in a namespace of process
// ids of its own may it mount `/proc` for a container that shares the host's, as the older ones do.
function rootlessDockerEngine({ release }: NestedSpec, { devices }: NestedMachine) {
  const start = 'DOCKERD_ROOTLESS_ROOTLESSKIT_FLAGS=--pidns sh /usr/share/docker.io/contrib/dockerd-rootless.sh'
  // Docker 20.10.5 does not say `userxattr`, without which the kernel's overlay cannot hide a folder of a lower layer.
  const storage = release === 'bullseye' ? ' --storage-driver fuse-overlayfs' : ''
  // It does not see what networks the host is on, and its own would hide them: these are the last that the local engine takes.
  const networks = '--default-address-pool base=172.24.0.0/13,size=20'
  return {
    root: rootOf(release),
    script: `set -e
mount --make-rshared /
${linkAuthorities(`${userHome}/.config/docker`)}
rm -f "$SOCKET"
${rootlessUser}
# Docker before 23 keeps its own key there.
chown dev:dev ${userHome}/.config ${userHome}/.config/docker
${asUser(`${start} --host "unix://$SOCKET" --log-level warn ${networks}${storage}`)}`,
    dataFolder: userHome,
    devices,
  }
}

function podmanEngine(spec: NestedSpec, { devices }: NestedMachine) {
  // Podman 4.3 without root copies every layer unless it is told not to, and does not start on a store of such copies.
  const storage = spec.rootless && spec.release === 'bookworm' ? ' --storage-driver overlay' : ''
  const store = `${userHome}/.local/share/containers`
  const service = `podman --log-level=warn${storage} system service --time=0 "unix://$SOCKET"`
  return {
    root: rootOf(spec.release),
    // crun refuses the empty v2 hierarchy beside v1, and rootless networks need mounts that propagate.
    script: `set -e
if ${hasCgroups2}; then${prepareCgroups2}; fi
umount /sys/fs/cgroup/unified 2>/dev/null || :
mount --make-rshared /
${linkAuthorities('/etc/containers')}
rm -f "$SOCKET"
${storage === '' ? '' : `if [ -d ${store}/storage/vfs ]; then rm -rf ${store}; fi`}
${spec.rootless ? `${rootlessUser}\nif ${hasCgroups2}; then${delegateCgroups2}; fi\n${asUser(service)}` : `exec ${service}`}`,
    dataFolder: spec.rootless ? userHome : '/var/lib/containers',
    devices,
  }
}

const userHome = '/home/dev'

// A user may limit what it runs where the groups are its own: the folders, and the files that move processes and
// hand controllers on. Source: the kernel's cgroup-v2, Delegation.
const delegateCgroups2 = `
  for group in /sys/fs/cgroup /sys/fs/cgroup/init; do
    chown dev $group $group/cgroup.procs $group/cgroup.threads $group/cgroup.subtree_control
  done`

const rootlessUser = `chmod 666 /dev/fuse /dev/net/tun
id dev >/dev/null 2>&1 || useradd --uid 1000 --home-dir /home/dev --no-create-home --shell /bin/sh dev
echo dev:100000:65536 | tee /etc/subuid > /etc/subgid
mkdir -p ${userHome} /run/user/1000
chown dev:dev ${userHome} /run/user/1000 "$(dirname "$SOCKET")"
chmod 700 /run/user/1000`

const asUser = (service: string) =>
  `exec setpriv --reuid 1000 --regid 1000 --init-groups env HOME=${userHome} USER=dev XDG_RUNTIME_DIR=/run/user/1000 ${service}`
