/**
 * Whether an engine applies a profile of system calls. Of a running process the kernel tells that there is some filter,
 * and not which, and a call cannot be tried in its place: so a container of Matrix's own beside it, under the same
 * profile, tries one that the profile forbids.
 */
import { randomUUID } from 'node:crypto'
import type { ContainerSpec, Engine } from '../../engines/engine.ts'
import { deadline } from '../../lib/abort.ts'
import type { SecurityOption } from '../../model/constraint.ts'
import { labelsOf } from '../labels.ts'
import type { EngineSession } from '../session.ts'

/** A forbidden call that was tried. */
export interface TriedCall {
  readonly call: string
  readonly denied: boolean
}

interface Trial {
  /** Every call that the command may make its way with. */
  readonly calls: readonly [string, ...string[]]
  /** Of busybox; by nothing but such a profile does it fail in a container of Matrix's own. */
  readonly command: readonly string[]
}

/** An engine's own profile allows all of these, so that it is not taken for the one that is looked for. */
export const trials: readonly Trial[] = [
  { calls: ['mkdir', 'mkdirat'], command: ['mkdir', '/tried'] },
  { calls: ['symlink', 'symlinkat'], command: ['ln', '-s', '/bin', '/tried'] },
  { calls: ['link', 'linkat'], command: ['ln', '/bin/busybox', '/tried'] },
  { calls: ['rename', 'renameat', 'renameat2'], command: ['mv', '/bin/busybox', '/bin/tried'] },
  { calls: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'], command: ['chmod', '700', '/bin/busybox'] },
  { calls: ['chown', 'fchown', 'lchown', 'fchownat'], command: ['chown', '0:0', '/bin/busybox'] },
  { calls: ['mknod', 'mknodat'], command: ['mkfifo', '/tried'] },
  { calls: ['utime', 'utimes', 'futimesat', 'utimensat'], command: ['touch', '/bin/busybox'] },
  { calls: ['socket'], command: ['ip', 'link'] },
  { calls: ['kill'], command: ['kill', '-0', '1'] },
]

const denying = /^SCMP_ACT_(ERRNO|KILL|KILL_THREAD|KILL_PROCESS|TRAP)$/

/** Null where the profile forbids none of them for certain. Source: the OCI runtime specification, `linux.seccomp`. */
export function forbiddenBy(profile: string): Trial | null {
  const { defaultAction, defaultErrnoRet, syscalls = [] } = JSON.parse(profile) as Profile
  const isForbidden = (call: string): boolean => {
    const rules = syscalls.filter(({ names = [], name }) => names.includes(call) || name === call)
    if (rules.length === 0) return denying.test(defaultAction ?? '') && defaultErrnoRet !== 0
    // What applies only to some arguments, machines or capabilities may not apply here.
    return rules.every((rule) => denying.test(rule.action ?? '') && isPlain(rule))
  }
  return trials.find(({ calls }) => calls.every(isForbidden)) ?? null
}

interface Profile {
  readonly defaultAction?: string
  readonly defaultErrnoRet?: number | null
  readonly syscalls?: readonly Rule[]
}
interface Rule {
  readonly names?: readonly string[]
  readonly name?: string
  readonly action?: string
  /** With 0 the call does nothing, and says that it went well. */
  readonly errnoRet?: number | null
  readonly args?: readonly unknown[] | null
  readonly includes?: object
  readonly excludes?: object
}

const isPlain = ({ args, errnoRet, includes = {}, excludes = {} }: Rule): boolean =>
  errnoRet !== 0 &&
  (args ?? []).length === 0 &&
  Object.keys(includes).length === 0 &&
  Object.keys(excludes).length === 0

const withinMs = 15_000
/** An engine does with a profile what it did before. */
const tried = new WeakMap<EngineSession, Map<string, TriedCall>>()

/** Null where it is not known. Rejects only with the signal's reason. */
export async function tryProfile(
  options: readonly SecurityOption[] | undefined,
  context: { readonly session: EngineSession; readonly beside: string; readonly signal: AbortSignal },
): Promise<TriedCall | null> {
  const { session, signal } = context
  const option = options?.find(({ text, profile }) => profile !== undefined && /^seccomp[:=]/.test(text))
  if (option?.profile === undefined) return null
  const known = tried.get(session) ?? new Map<string, TriedCall>()
  tried.set(session, known)
  const before = known.get(option.profile)
  if (before !== undefined) return before
  try {
    const trial = forbiddenBy(option.profile)
    if (trial === null) return null
    using limit = deadline(withinMs, signal)
    const ended = await succeeds(session.engine, {
      command: trial.command,
      options: [option],
      image: session.helperImage,
      labels: labelsOf(session.identity, 'client'),
      network: { kind: 'container', id: context.beside },
      signal: limit.signal,
    })
    const told = { call: trial.calls[0], denied: !ended }
    known.set(option.profile, told)
    return told
  } catch {
    signal.throwIfAborted()
    return null
  }
}

/** Whether a command of busybox ends well in a container of its own. Rejects where that is not known. */
export async function succeeds(
  { containers }: Engine,
  what: Pick<ContainerSpec, 'image' | 'labels' | 'network'> & {
    readonly command: readonly string[]
    readonly options: readonly SecurityOption[]
    readonly signal: AbortSignal
  },
): Promise<boolean> {
  const { command, image, labels, network, options, signal } = what
  const name = `matrix-profile-${randomUUID()}`
  try {
    const { id } = await containers.create(
      {
        name,
        image,
        labels,
        entrypoint: ['/bin/busybox'],
        command,
        environment: {},
        constraints: { security_opt: options },
        network,
        volumes: [],
      },
      { signal },
    )
    await containers.start(id, { signal })
    for await (const _ of await containers.followLogs(id, { signal }));
    const { exitCode } = await containers.inspect(id, { signal })
    if (exitCode === null) throw new Error(`how ${name} ended is not known`)
    return exitCode === 0
  } finally {
    await containers.remove(name, { signal: AbortSignal.timeout(20_000) }).catch(() => {})
  }
}
