/** What hosts need of this machine's kernel, tried where a try is cheap and leaves nothing. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { readOr } from '../lib/files.ts'
import { oneLine } from '../lib/printable.ts'
import { programPath } from './embedded-process.ts'

type Env = Readonly<Record<string, string | undefined>>

/** `kvm` makes a virtual machine quick, the others have to be there for a host that needs them. */
export type Ability = 'kvm' | 'gvisor' | 'user-namespaces' | 'overlay' | 'vxlan'
export interface Tried {
  readonly ability: Ability
  /** Null: it was not tried. */
  readonly works: boolean | null
  /** What was tried and came of it. */
  readonly found: string
  /** The command that mends it; null where it works, or nothing can be done here. */
  readonly mend: string | null
}

const withinMs = 10_000
/** `nobody`, so that what root may do is not taken for what a user may. */
const otherUser = 65_534

/** What hosts cannot do without. Linux only; takes less than a second. */
export function tryMachine(env: Env): readonly Tried[] {
  return [trySandbox(env), tryUserNamespaces(env), tryOverlay(env), tryVxlan(env)]
}

/** A device that opens is no proof: a machine is made with one processor, and never started. */
export function tryKvm(env: Env): Tried {
  const ability = 'kvm'
  if (!existsSync('/dev/kvm')) {
    const mend =
      'modprobe kvm_intel || modprobe kvm_amd; where this machine is virtual itself, its own host has to allow it'
    return { ability, works: false, found: 'there is no /dev/kvm', mend }
  }
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
  } catch {
    return {
      ability,
      works: false,
      found: '/dev/kvm may not be opened',
      mend: `usermod -aG kvm ${userInfo().username}`,
    }
  }
  const qemu = 'qemu-system-x86_64'
  const words = ['-machine', 'q35,accel=kvm', '-cpu', 'host', '-m', '32', '-nodefaults', '-display', 'none', '-S']
  const input = '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n'
  const run = attempt(qemu, [...words, '-qmp', 'stdio'], { env, input })
  if (run === null)
    return { ability, works: null, found: `/dev/kvm can be opened; not tried further without ${qemu}`, mend: null }
  return run.works
    ? { ability, works: true, found: 'a machine was made with it', mend: null }
    : { ability, works: false, found: `/dev/kvm is there, and no machine can be made with it: ${run.said}`, mend: null }
}

/** Its platform traps system calls. Source: gVisor's documentation, Platforms, systrap. */
function trySandbox(env: Env): Tried {
  const ability = 'gvisor'
  const actions = readOr('/proc/sys/kernel/seccomp/actions_avail').trim().split(/\s+/)
  if (!actions.includes('trap')) {
    return { ability, works: false, found: 'this kernel cannot trap system calls (CONFIG_SECCOMP_FILTER)', mend: null }
  }
  const run = attempt('runsc', ['--version'], { env })
  const version = run?.works === true ? /release-\S+|\d{8}\S*/.exec(run.said)?.[0] : undefined
  const own = version === undefined ? '' : `; runsc ${version} of this machine is left alone`
  return { ability, works: true, found: `system calls can be trapped; runsc comes with its host${own}`, mend: null }
}

function tryUserNamespaces(env: Env): Tried {
  const ability = 'user-namespaces'
  const run = attempt('unshare', ['--user', 'true'], { env, asOther: true })
  if (run === null) return { ability, works: null, found: 'not tried without unshare', mend: null }
  if (run.works) return { ability, works: true, found: 'a user who is not root makes a namespace of users', mend: null }
  const restricted = readOr('/proc/sys/kernel/apparmor_restrict_unprivileged_userns').trim() === '1'
  const mend = restricted
    ? 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
    : 'sysctl -w user.max_user_namespaces=28633 kernel.unprivileged_userns_clone=1'
  return { ability, works: false, found: `a user who is not root makes no namespace of users: ${run.said}`, mend }
}

/** A module that is not loaded yet comes with the first mount. */
function tryOverlay(env: Env): Tried {
  const loaded = /\boverlay$/m.test(readOr('/proc/filesystems'))
  const works = loaded || attempt('modprobe', ['--dry-run', '--quiet', 'overlay'], { env })?.works === true
  return works
    ? { ability: 'overlay', works, found: 'the kernel has it', mend: null }
    : { ability: 'overlay', works, found: 'this kernel has no overlay file system', mend: 'modprobe overlay' }
}

/** In a network namespace of its own, which ends with the command. */
function tryVxlan(env: Env): Tried {
  const ability = 'vxlan'
  const link = ['ip', 'link', 'add', 'matrix0', 'type', 'vxlan', 'id', '42', 'dstport', '4789']
  const run = userInfo().uid === 0 ? attempt('unshare', ['--net', ...link], { env }) : null
  if (run === null || /No such file/.test(run.said)) {
    return { ability, works: null, found: 'not tried: that takes root, unshare and ip', mend: null }
  }
  return run.works
    ? { ability, works: true, found: 'a vxlan link was made', mend: null }
    : { ability, works: false, found: `no vxlan link can be made: ${run.said}`, mend: 'modprobe vxlan' }
}

/** Null where the program is not there. */
function attempt(
  program: string,
  args: readonly string[],
  options: { readonly env: Env; readonly input?: string; readonly asOther?: boolean },
): { readonly works: boolean; readonly said: string } | null {
  const other = options.asOther === true && userInfo().uid === 0 ? { uid: otherUser, gid: otherUser } : {}
  const ended = spawnSync(program, [...args], {
    ...other,
    input: options.input ?? '',
    env: { PATH: programPath(options.env) },
    cwd: '/',
    timeout: withinMs,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  })
  if ((ended.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null
  const said = oneLine(ended.stderr || ended.stdout || ended.error?.message || `exit code ${ended.status}`, 200)
  return { works: ended.status === 0, said }
}
