/** One container of Matrix's own an engine, kept warm, that enters the namespaces of workloads by their process id. */
import type { Duplex } from 'node:stream'
import type { Engine, EngineFacts, ExecResult, Labels } from '../../engines/engine.ts'
import type { Teardown } from '../teardown.ts'
import { Shell, shellCommand } from './shell.ts'

const busybox = '/bin/busybox'

export interface Helper {
  readonly containerId: string
  /** Runs a busybox shell script on the engine's host; `args` are `$1`, `$2`, … */
  script(
    text: string,
    options: { readonly args: readonly string[]; readonly signal: AbortSignal; readonly maxBytes?: number },
  ): Promise<ExecResult>
  /** A stream to such a script: its stdin and its stdout. */
  stream(text: string, options: { readonly args: readonly string[]; readonly signal: AbortSignal }): Promise<Duplex>
}

/** Containers of Matrix's own look at the machine, so they run on its kernel where an engine puts others into sandboxes. */
export const ownRuntime = (facts: EngineFacts): string | undefined =>
  facts.ociRuntime === 'runsc' ? 'runc' : undefined

/**
 * Starts the helper. It shares the host's process ids and network, may enter namespaces, and is not a privileged
 * container. Rejects with `EngineError` where the engine does not allow that.
 */
export async function startHelper(
  engine: Engine,
  options: {
    readonly image: string
    readonly name: string
    readonly labels: Labels
    /** The runtime to ask for; the engine's own where undefined. */
    readonly runtime: string | undefined
    readonly teardown: Teardown
    readonly signal: AbortSignal
  },
): Promise<Helper> {
  const shell = new Shell(() => engine.containers.connect(options.name, shellCommand, { signal: options.signal }))
  options.teardown.defer('the relay', (signal) => {
    shell.dispose()
    return engine.containers.remove(options.name, { signal })
  })
  const { id } = await engine.containers.create(
    {
      name: options.name,
      image: options.image,
      labels: options.labels,
      entrypoint: [busybox],
      // Ends by itself a day later, should nobody be left to remove it.
      command: ['sleep', '86400'],
      environment: {},
      constraints: {
        cap_add: ['SYS_ADMIN', 'SYS_PTRACE', 'NET_ADMIN'],
        security_opt: [{ text: 'apparmor=unconfined' }],
        // Where its shell keeps what is under way: the engine's disk may be full, which it is asked about.
        tmpfs: { '/tmp': 'mode=700' },
        init: false,
        stop_signal: 'SIGKILL',
        ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
      },
      network: { kind: 'host' },
      hostPid: true,
      volumes: [],
    },
    { signal: options.signal },
  )
  await engine.containers.start(id, { signal: options.signal })
  return {
    containerId: id,
    script: (text, { args, signal, maxBytes = 1 << 20 }) => shell.run({ text, args }, { maxBytes, signal }),
    stream: (text, { args, signal }) => shell.open({ text, args }, { signal }),
  }
}
