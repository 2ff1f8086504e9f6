/** Containers over the Docker Engine API. */
import type { Readable } from 'node:stream'
import type Dockerode from 'dockerode'
import { extract } from 'tar-stream'
import { BoundedText } from '../../lib/bounded-text.ts'
import { type ContainerState, type Containers, EngineError, type FileFacts } from '../engine.ts'
import { call, callOrNull, engineError } from './errors.ts'
import { endWithCommand, exitCodeOf } from './exec-end.ts'
import { attachedDuplex, readFrames } from './frames.ts'
import { createOptions } from './host-config.ts'
import { collectLogs, followLogs, openLogs } from './logs.ts'
import { request } from './request.ts'
import { stop } from './stop.ts'
import { openTerminal } from './terminal.ts'

/** Podman looks after the process of a container that it takes to be running, and fails where that ends meanwhile. Seen with 4.3. */
const justEnded = /read \/proc\/\d+\/cgroup: no such process/
/** How often it is looked again at most. */
const looks = 5

export function containersOf(docker: Dockerode): Containers {
  const of = (id: string) => docker.getContainer(id)
  return {
    create: (spec, { signal }) =>
      call(signal, async () => {
        const options = { ...createOptions(spec), abortSignal: signal }
        const created = await docker.createContainer(options)
        const warnings = (created as unknown as { Warnings?: unknown }).Warnings
        return { id: created.id, warnings: Array.isArray(warnings) ? warnings.map(String) : [] }
      }),
    start: (id, { signal }) => call(signal, async () => void (await of(id).start({ abortSignal: signal }))),
    inspect: (id, { signal }) =>
      call(signal, async () => {
        for (let look = 1; ; look++) {
          try {
            return stateOf(await of(id).inspect({ abortSignal: signal }))
          } catch (error) {
            if (look === looks || !justEnded.test(engineError(error).message)) throw error
          }
        }
      }),
    stop: (id, options) => call(options.signal, () => stop(of(id), options)),
    kill: (id, { signal, killSignal }) =>
      call(signal, async () => void (await of(id).kill({ signal: killSignal, abortSignal: signal }))),
    restart: (id, { signal, graceMs }) =>
      call(signal, async () => void (await of(id).restart({ t: Math.ceil(graceMs / 1000), abortSignal: signal }))),
    remove: async (id, { signal }) => {
      // Podman first gives a container that runs 10 s to stop; one that was killed needs none.
      await call(signal, () => of(id).kill({ signal: 'SIGKILL', abortSignal: signal })).catch((error: unknown) => {
        if (!(error instanceof EngineError) || error.code === 'unreachable') throw error
      })
      await callOrNull(signal, () => of(id).remove({ force: true, v: true, abortSignal: signal }))
    },
    exec: (id, spec, { signal }) =>
      call(signal, async () => {
        const exec = await of(id).exec({
          Cmd: [...spec.command],
          AttachStdout: true,
          AttachStderr: true,
          ...(spec.user === undefined ? {} : { User: spec.user }),
          ...(spec.workdir === undefined ? {} : { WorkingDir: spec.workdir }),
          ...(spec.environment === undefined
            ? {}
            : { Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`) }),
          abortSignal: signal,
        })
        const stream = await exec.start({ Detach: false, Tty: false, abortSignal: signal })
        const stdout = new BoundedText(spec.maxBytes)
        const stderr = new BoundedText(spec.maxBytes)
        await readFrames(stream, (name, payload) => (name === 'stdout' ? stdout : stderr).push(payload), signal)
        return {
          exitCode: await exitCodeOf(exec, signal),
          stdout: stdout.text,
          stderr: stderr.text,
          cutBytes: { stdout: stdout.cutBytes, stderr: stderr.cutBytes },
        }
      }),
    connect: (id, command, { signal }) =>
      call(signal, async () => {
        const exec = await of(id).exec({
          Cmd: [...command],
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          abortSignal: signal,
        })
        // The signal covers the opening only: a stream that stands is ended by whoever holds it.
        const socket = await exec.start({ hijack: true, stdin: true, Tty: false })
        const stream = attachedDuplex(socket)
        endWithCommand(stream, { exec, socket })
        return stream
      }),
    terminal: (id, spec, options) => openTerminal(docker, id, spec, options),
    logs: (id, { signal, tail, sinceMs, maxBytes }) =>
      call(signal, async () => {
        const stream = await openLogs(docker, {
          id,
          follow: false,
          signal,
          ...(tail === undefined ? {} : { tail }),
          ...(sinceMs === undefined ? {} : { sinceMs }),
        })
        return collectLogs(stream, { maxBytes, signal })
      }),
    followLogs: (id, { signal }) => call(signal, () => followLogs(docker, { id, signal })),
    readFile: (id, path, { signal, maxBytes }) =>
      callOrNull(signal, async () => {
        const archive = await of(id).getArchive({ path, abortSignal: signal })
        return firstEntry(archive as unknown as Readable, { path, maxBytes })
      }),
    environment: (id, { signal }) =>
      call(signal, async () => variablesOf((await of(id).inspect({ abortSignal: signal })).Config.Env ?? [])),
    peakMemory: async (id, { signal }) => {
      const stats = await callOrNull(signal, () =>
        request<{ readonly memory_stats?: { readonly max_usage?: number } }>(docker, {
          method: 'GET',
          path: `/containers/${id}/stats?stream=false&one-shot=true`,
          signal,
        }),
      )
      const peak = stats?.memory_stats?.max_usage
      return peak ?? null
    },
  }
}

function firstEntry(
  archive: Readable,
  options: { readonly path: string; readonly maxBytes: number },
): Promise<FileFacts | null> {
  return new Promise((resolve, reject) => {
    const reader = extract()
    reader.on('entry', (header, content, next) => {
      const text = new BoundedText(options.maxBytes)
      content.on('data', (chunk) => text.push(chunk as Buffer))
      content.on('end', () => {
        const kind =
          header.type === 'file' || header.type === 'directory'
            ? header.type
            : header.type === 'symlink'
              ? 'link'
              : 'other'
        resolve({
          path: options.path,
          kind,
          mode: (header.mode ?? 0) & 0o7777,
          uid: header.uid ?? 0,
          gid: header.gid ?? 0,
          sizeBytes: header.size ?? 0,
          content: kind === 'file' ? text.text : null,
        })
        archive.destroy()
        next()
      })
    })
    reader.on('finish', () => resolve(null))
    reader.on('error', reject)
    archive.on('error', reject)
    archive.pipe(reader)
  })
}

const statuses = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const

function stateOf(info: Dockerode.ContainerInspectInfo): ContainerState {
  const { State } = info
  const health = State.Health?.Status
  const time = (text: string) => (text === '' || text.startsWith('0001-') ? null : text)
  return {
    id: info.Id,
    // Podman says stopped of one that has ended and is not tidied up yet.
    status:
      statuses.find((status) => status === State.Status) ??
      ((State.Status as string) === 'stopped' ? 'exited' : 'dead'),
    pid: State.Pid,
    exitCode: State.Running || State.Status === 'created' ? null : State.ExitCode,
    oomKilled: State.OOMKilled,
    restarts: info.RestartCount,
    error: State.Error,
    startedAt: time(State.StartedAt),
    finishedAt: time(State.FinishedAt),
    health: health === 'starting' || health === 'healthy' || health === 'unhealthy' ? health : null,
    addresses: Object.values(info.NetworkSettings.Networks ?? {}).flatMap(({ IPAddress, GlobalIPv6Address }) =>
      [IPAddress, GlobalIPv6Address].filter(Boolean),
    ),
    node: null,
    claims: { ...info.HostConfig },
    raw: withoutEnvironment(info),
  }
}

function variablesOf(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const [name = ''] = entry.split('=', 1)
      return [name, entry.slice(name.length + 1)]
    }),
  )
}

/** Variables may hold secrets, and this record goes into evidence. */
function withoutEnvironment(info: Dockerode.ContainerInspectInfo): Record<string, unknown> {
  const { Env: _, ...config } = info.Config
  return { ...info, Config: config }
}
