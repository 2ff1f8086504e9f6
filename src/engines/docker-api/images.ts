/** Images over the Docker Engine API, built by the BuildKit inside the engine. */
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type Dockerode from 'dockerode'
import {
  type BuildResult,
  type BuildStepFailure,
  EngineError,
  type EngineErrorCode,
  type ImageFacts,
  type Images,
  type RegistryLogin,
} from '../engine.ts'
import { BuildTrace, decodeTrace } from './build-trace.ts'
import { call, callOrNull, withoutStatus } from './errors.ts'
import { request } from './request.ts'
import { sending } from './sent-stream.ts'

const untagWithinMs = 10_000

export function imagesOf(docker: Dockerode): Images {
  const inspect = (reference: string, signal: AbortSignal) =>
    callOrNull(signal, async () =>
      factsOf(
        await request<Dockerode.ImageInspectInfo>(docker, { method: 'GET', path: `/images/${reference}/json`, signal }),
      ),
    )
  const present = async (reference: string, signal: AbortSignal) => {
    const facts = await inspect(reference, signal)
    if (facts === null) throw new EngineError('not-found', `the engine has no image ${reference}`)
    return facts
  }
  return {
    inspect: (reference, { signal }) => inspect(reference, signal),
    pull: (reference, { signal, login, onProgress }) =>
      call(signal, async () => {
        try {
          const options = { abortSignal: signal, ...(login === undefined ? {} : { authconfig: authOf(login) }) }
          const stream = (await docker.pull(withTag(reference), options)) as unknown as Readable
          await readMessages(stream, signal, transfer({ onProgress }))
        } catch (error) {
          throw refused(error, { code: 'no-image', what: `no registry gives ${reference}` })
        }
        return present(reference, signal)
      }),
    push: (id, { signal, reference, login, onProgress }) =>
      call(signal, async () => {
        const [repo, tag] = splitReference(reference)
        await docker.getImage(id).tag({ repo, tag, abortSignal: signal })
        try {
          // Engines before 23 refuse a push without the header.
          const authconfig = login === undefined ? {} : authOf(login)
          const stream = await docker.getImage(repo).push({ tag, authconfig, abortSignal: signal } as never)
          let digest: string | undefined
          const onAux = (aux: Readonly<Record<string, unknown>>) => {
            if (typeof aux['Digest'] === 'string') digest = aux['Digest']
          }
          await readMessages(stream as unknown as Readable, signal, transfer({ onProgress, onAux }))
          if (digest === undefined) throw new Refusal('the engine does not say under which digest it is there')
          return { digest }
        } catch (error) {
          throw refused(error, { code: 'no-registry', what: `${reference} cannot be pushed` })
        } finally {
          // Not by force: where it is the only name of an image, the image has to stay.
          const path = `/images/${reference}`
          await request(docker, { method: 'DELETE', path, signal: AbortSignal.timeout(untagWithinMs) }).catch(() => {})
        }
      }),
    importRoot: (root, { signal, reference, command, labels }) =>
      call(signal, async () => {
        const [repo, tag] = splitReference(reference)
        const changes = [
          ...(command === undefined ? [] : [`CMD ${JSON.stringify(command)}`]),
          ...Object.entries(labels ?? {}).map(([key, value]) => `LABEL ${key}=${JSON.stringify(value)}`),
        ]
        await sending(root, signal, async (abortSignal) => {
          const options = { repo, tag, changes, abortSignal } as never
          const stream = await docker.importImage(root as unknown as NodeJS.ReadableStream, options)
          await readMessages(stream as unknown as Readable, abortSignal, throwError)
        })
        // Podman 4 takes no notice of the tag.
        if ((await inspect(reference, signal)) === null) {
          await docker.getImage(`${repo}:latest`).tag({ repo, tag, abortSignal: signal })
        }
        return present(reference, signal)
      }),
    build: (wanted, { signal, onProgress }) =>
      call(signal, async (): Promise<BuildResult> => {
        const trace = new BuildTrace(onProgress ?? (() => {}))
        const id = randomUUID()
        const stopBuild = () => void cancelBuild(docker, id)
        signal.addEventListener('abort', stopBuild, { once: true })
        try {
          let failure: string | undefined
          await sending(wanted.context, signal, async (abortSignal) => {
            const options = {
              version: '2',
              buildid: id,
              t: wanted.tag,
              dockerfile: wanted.dockerfile,
              buildargs: { ...wanted.args },
              labels: { ...wanted.labels },
              rm: true,
              forcerm: true,
              ...(wanted.target === undefined ? {} : { target: wanted.target }),
              ...(wanted.platform === undefined ? {} : { platform: wanted.platform }),
              abortSignal,
            } as never
            const stream = await docker.buildImage(wanted.context as unknown as NodeJS.ReadableStream, options)
            await readMessages(stream as unknown as Readable, abortSignal, (message) => {
              if (message['id'] === 'moby.buildkit.trace' && typeof message['aux'] === 'string') {
                trace.add(decodeTrace(Buffer.from(message['aux'], 'base64')))
              }
              if (typeof message['error'] === 'string') failure = message['error']
            })
          })
          if (failure !== undefined) throw buildError(failure, trace)
        } finally {
          signal.removeEventListener('abort', stopBuild)
        }
        return { image: await present(wanted.tag, signal), cached: trace.cached, log: trace.log }
      }),
    save: (id, { signal }) => call(signal, async () => (await docker.getImage(id).get()) as unknown as Readable),
    load: (archive, { signal }) =>
      call(signal, async () => {
        await sending(archive, signal, async (abortSignal) => {
          const options = { abortSignal } as never
          const stream = await docker.loadImage(archive as unknown as NodeJS.ReadableStream, options)
          await readMessages(stream as unknown as Readable, abortSignal, throwError)
        })
      }),
    remove: async (reference, { signal }) => {
      await callOrNull(signal, () =>
        request(docker, { method: 'DELETE', path: `/images/${reference}?force=true`, signal }),
      )
    },
  }
}

async function cancelBuild(docker: Dockerode, id: string): Promise<void> {
  await request(docker, { method: 'POST', path: `/build/cancel?id=${id}`, signal: AbortSignal.timeout(5000) }).catch(
    () => {},
  )
}

function buildError(text: string, trace: BuildTrace): EngineError {
  const vertex = trace.failed
  const exitCode = /exit code: (\d+)/.exec(vertex?.error ?? text)?.[1]
  const isStep =
    exitCode !== undefined ||
    /failed to (compute cache key|calculate checksum)|dockerfile parse error|unknown instruction/i.test(text)
  if (!isStep) return new EngineError('failed', `the build could not be carried out: ${text}`)
  const step = (vertex?.name ?? 'the Dockerfile').replace(/^\[[^\]]*\]\s*/, '')
  const cause: BuildStepFailure = {
    step,
    exitCode: exitCode === undefined ? null : Number(exitCode),
    log: trace.log || text,
  }
  const message = exitCode === undefined ? text : `${step} ended with exit code ${exitCode}`
  return new EngineError('build-step', message, { cause })
}

/** Reads a stream of JSON lines; the library's own reader overlooks lines that carry an error. */
async function readMessages(
  stream: Readable,
  signal: AbortSignal,
  onMessage: (message: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const onAbort = () => stream.destroy(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() !== '') onMessage(JSON.parse(line) as Record<string, unknown>)
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    stream.destroy()
  }
  signal.throwIfAborted()
}

function throwError(message: Readonly<Record<string, unknown>>): void {
  if (typeof message['error'] === 'string') throw new EngineError('failed', message['error'])
}

const authOf = ({ server, username, password }: RegistryLogin) => ({ serveraddress: server, username, password })

/** What a registry, or the engine about one, says against a pull or a push. */
class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** Of an engine that cannot be heard any more nothing is known about the registry: such an error stays what it is. */
function refused(error: unknown, { code, what }: { readonly code: EngineErrorCode; readonly what: string }): unknown {
  const isAnswer = error instanceof Refusal || (error as { statusCode?: number } | null)?.statusCode !== undefined
  return isAnswer ? new EngineError(code, `${what}: ${messageOf(error)}`, { cause: error }) : error
}

/** What is told of a pull or a push; throws what is said against it. */
function transfer(to: {
  readonly onProgress: ((text: string) => void) | undefined
  readonly onAux?: (aux: Readonly<Record<string, unknown>>) => void
}) {
  return (message: Readonly<Record<string, unknown>>): void => {
    const { status, id, error, aux } = message
    if (typeof error === 'string') throw new Refusal(error)
    if (typeof status === 'string') to.onProgress?.(`${status} ${id ?? ''}`.trim())
    if (typeof aux === 'object' && aux !== null) to.onAux?.(aux as Readonly<Record<string, unknown>>)
  }
}

const messageOf = (error: unknown) => withoutStatus(error instanceof Error ? error.message : String(error))

/** Without a tag the API pulls every one. */
function withTag(reference: string): string {
  const [repo, tag] = splitReference(reference)
  return reference.includes('@') ? reference : `${repo}:${tag}`
}

function splitReference(reference: string): readonly [string, string] {
  const at = reference.lastIndexOf(':')
  return at > reference.lastIndexOf('/') ? [reference.slice(0, at), reference.slice(at + 1)] : [reference, 'latest']
}

function factsOf(info: Dockerode.ImageInspectInfo): ImageFacts {
  const environment = (info.Config.Env ?? []).map((entry) => {
    const at = entry.indexOf('=')
    return [entry.slice(0, at), entry.slice(at + 1)] as const
  })
  return {
    id: info.Id,
    digest: info.RepoDigests?.[0]?.split('@')[1] ?? null,
    platform: `${info.Os}/${info.Architecture}`,
    sizeBytes: info.Size,
    layers: info.RootFS.Layers ?? [],
    user: info.Config.User ?? '',
    environment: Object.fromEntries(environment),
    volumes: Object.keys(info.Config.Volumes ?? {}),
    labels: info.Config.Labels ?? {},
  }
}
