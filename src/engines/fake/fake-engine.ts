/** An engine in memory behind the same port, for what has to be tested without a machine. */
import { createHash, randomBytes } from 'node:crypto'
import { Duplex, Readable, Writable } from 'node:stream'
import { Queue } from '../../lib/queue.ts'
import {
  type CallOptions,
  type ContainerEvent,
  type ContainerSpec,
  type ContainerState,
  type Containers,
  type Engine,
  EngineError,
  type ExecResult,
  type ImageFacts,
  type Labels,
  type LogLine,
  type Resource,
  type ResourceKind,
} from '../engine.ts'

/** What a command does, by its words joined with blanks. `exitCode` null: it runs until it is told to end. */
export interface FakeProgram {
  readonly stdout?: readonly string[]
  readonly stderr?: readonly string[]
  readonly exitCode: number | null
  /** Its exit code on its stop signal; null: it ignores it. */
  readonly onStop?: number | null
}

interface FakeContainer {
  readonly id: string
  readonly spec: ContainerSpec
  readonly program: FakeProgram
  readonly logs: LogLine[]
  status: 'created' | 'running' | 'exited'
  exitCode: number | null
  readonly ended: Set<() => void>
  /** How many it is on. */
  networks: number
}

const killed = 137
const firstPid = 1000

export function createFakeEngine(programs: Readonly<Record<string, FakeProgram>>): Engine {
  const containers = new Map<string, FakeContainer>()
  const networks = new Map<string, { readonly id: string; readonly name: string; readonly labels: Labels }>()
  const volumes = new Map<string, Labels>()
  const images = new Map<string, ImageFacts>()
  const watchers = new Set<(event: ContainerEvent) => void>()

  const newId = () => randomBytes(32).toString('hex')
  const call = <T>({ signal }: CallOptions, work: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      try {
        resolve(work())
      } catch (error) {
        reject(error)
      }
    })
  const find = (name: string): FakeContainer => {
    const found = containers.get(name) ?? [...containers.values()].find((one) => one.spec.name === name)
    if (found === undefined) throw new EngineError('not-found', `no such container: ${name}`)
    return found
  }
  const running = (name: string): FakeContainer => {
    const found = find(name)
    if (found.status !== 'running') throw new EngineError('conflict', `container ${name} is not running`)
    return found
  }
  const announce = (container: FakeContainer, action: ContainerEvent['action']) => {
    const { id, exitCode, spec } = container
    for (const tell of watchers) tell({ container: id, labels: spec.labels, action, exitCode, health: null })
  }
  const end = (container: FakeContainer, exitCode: number) => {
    container.status = 'exited'
    container.exitCode = exitCode
    announce(container, 'die')
    for (const tell of container.ended) tell()
    container.ended.clear()
  }
  const start = (container: FakeContainer) => {
    container.status = 'running'
    container.exitCode = null
    announce(container, 'start')
    const { stdout = [], stderr = [], exitCode } = container.program
    const say = (stream: LogLine['stream']) => (text: string) =>
      container.logs.push({ at: new Date(0).toISOString(), stream, text })
    stdout.forEach(say('stdout'))
    stderr.forEach(say('stderr'))
    if (exitCode !== null) end(container, exitCode)
  }
  const stop = (container: FakeContainer) => {
    if (container.status === 'running') end(container, container.program.onStop ?? killed)
  }
  const program = (command: readonly string[]): FakeProgram | undefined => programs[command.join(' ')]

  const api: Containers = {
    create: (spec, options) =>
      call(options, () => {
        if ([...containers.values()].some((one) => one.spec.name === spec.name)) {
          throw new EngineError('conflict', `the name ${spec.name} is taken`)
        }
        if (!images.has(spec.image)) throw new EngineError('not-found', `no such image: ${spec.image}`)
        const command = [...(spec.entrypoint ?? []), ...(spec.command ?? [])]
        const known = program(command)
        if (known === undefined) throw new EngineError('rejected', `executable file not found: ${command.join(' ')}`)
        const id = newId()
        const made: FakeContainer = {
          id,
          spec,
          program: known,
          logs: [],
          status: 'created',
          exitCode: null,
          ended: new Set(),
          networks: spec.network.kind === 'network' ? 1 : 0,
        }
        containers.set(id, made)
        return { id, warnings: [] }
      }),
    start: (id, options) => call(options, () => start(find(id))),
    inspect: (id, options) => call(options, () => stateOf(find(id))),
    stop: (id, options) => call(options, () => stop(find(id))),
    kill: (id, options) =>
      call(options, () => {
        const container = running(id)
        if (options.killSignal === 'SIGKILL') end(container, killed)
        else if (container.program.onStop != null) end(container, container.program.onStop)
      }),
    restart: (id, options) =>
      call(options, () => {
        const container = find(id)
        stop(container)
        start(container)
      }),
    remove: (id, options) =>
      call(options, () => {
        const found = [...containers.values()].find((one) => one.id === id || one.spec.name === id)
        if (found === undefined) return
        stop(found)
        containers.delete(found.id)
        announce(found, 'destroy')
      }),
    exec: (id, spec, options) =>
      call(options, () => {
        running(id)
        return outcomeOf(program(spec.command), spec)
      }),
    connect: (id, _command, options) =>
      call(options, () => {
        running(id)
        return echo()
      }),
    terminal: (id, spec, options) =>
      call(options, () => {
        running(id)
        const { stdout = [], stderr = [], exitCode } = program(spec.command) ?? { exitCode: 127 }
        const stream = Readable.from([...stdout, ...stderr].map((line) => `${line}\r\n`))
        return {
          stream: Duplex.from({
            readable: stream,
            writable: new Writable({ write: (_chunk, _encoding, done) => done() }),
          }),
          resize: async () => {},
          exitCode: async () => exitCode ?? killed,
        }
      }),
    logs: (id, options) =>
      call(options, () => {
        const { sinceMs = 0, tail = Number.POSITIVE_INFINITY } = options
        const lines = find(id).logs.filter(({ at }) => at === null || Date.parse(at) >= sinceMs)
        return bounded(lines.slice(-tail), options.maxBytes)
      }),
    followLogs: (id, options) => call(options, () => follow(find(id))),
    readFile: (id, _path, options) =>
      call(options, () => {
        find(id)
        return null
      }),
    environment: (id, options) => call(options, () => find(id).spec.environment),
    peakMemory: (_id, options) => call(options, () => null),
  }

  const has = (labels: Labels, wanted: Labels) =>
    Object.entries(wanted).every(
      ([key, value]) => Object.hasOwn(labels, key) && (value === '' || labels[key] === value),
    )
  const all = (kind: ResourceKind): readonly Resource[] => {
    switch (kind) {
      case 'container':
        return [...containers.values()].map(({ id, spec }) => ({ kind, id, name: spec.name, labels: spec.labels }))
      case 'network':
        return [...networks.values()].map((network) => ({ kind, ...network }))
      case 'volume':
        return [...volumes].map(([name, labels]) => ({ kind, id: name, name, labels }))
      case 'image':
        return [...new Set(images.values())].map(({ id, labels }) => ({ kind, id, name: id, labels }))
    }
  }

  const absent = (what: string) => new EngineError('not-found', `no such ${what}`)
  const engine: Engine = {
    endpoint: 'fake://memory',
    facts: (options) =>
      call(options, () => ({
        name: 'fake',
        version: '0',
        apiVersion: '0',
        ociRuntime: 'none',
        rootless: false,
        kernel: 'none',
        cgroup: 'none',
        arch: 'none',
        nodes: 1,
        memoryBytes: 8 * 1024 ** 3,
        cpus: 2,
        storageDriver: 'memory',
        dataId: null,
        dataRoot: null,
        securityOptions: [],
        unsupported: new Set(),
      })),
    images: {
      inspect: (reference, options) => call(options, () => images.get(reference) ?? null),
      pull: (reference, options) =>
        call(options, () => {
          throw new EngineError('no-image', `no registry gives ${reference}`)
        }),
      push: (id, options) =>
        call(options, () => {
          if (!images.has(id)) throw absent('image')
          throw new EngineError('no-registry', `${options.reference} cannot be pushed: there is no registry`)
        }),
      async importRoot(root, options) {
        const bytes = await consumed(root)
        return call(options, () => keep(options.reference, { bytes, labels: options.labels ?? {} }))
      },
      async build(request, options) {
        const bytes = await consumed(request.context)
        const image = await call(options, () => keep(request.tag, { bytes, labels: request.labels }))
        return { image, cached: false, log: '' }
      },
      save: (id, options) =>
        call(options, () => {
          if (!images.has(id)) throw absent('image')
          return Readable.from([])
        }),
      async load(archive, options) {
        await consumed(archive)
        return call(options, () => {})
      },
      remove: (reference, options) =>
        call(options, () => {
          const image = images.get(reference)
          for (const [name, other] of images) if (other.id === image?.id) images.delete(name)
        }),
    },
    networks: {
      create: ({ name, labels }, options) =>
        call(options, () => {
          if (networks.has(name)) throw new EngineError('conflict', `the network ${name} is there already`)
          const id = newId()
          networks.set(name, { id, name, labels })
          return { id }
        }),
      subnets: (id, options) =>
        call(options, () => {
          if (![...networks.values()].some((network) => network.id === id)) throw absent('network')
          return ['192.0.2.0/24']
        }),
      connect: (id, container, options) =>
        call(options, () => {
          if (![...networks.values()].some((network) => network.id === id)) throw absent('network')
          find(container).networks += 1
        }),
      remove: (id, options) =>
        call(options, () => {
          const found = [...networks.values()].find((network) => network.id === id || network.name === id)
          if (found !== undefined) networks.delete(found.name)
        }),
    },
    volumes: {
      create: ({ name, labels }, options) => call(options, () => void volumes.set(name, labels)),
      remove: (name, options) => call(options, () => void volumes.delete(name)),
    },
    containers: api,
    list: (kind, labels, options) => call(options, () => all(kind).filter((one) => has(one.labels, labels))),
    watch: (labels, options) =>
      call(options, () => {
        const queue = new Queue<ContainerEvent>()
        const tell = (event: ContainerEvent) => {
          if (has(event.labels, labels)) queue.push(event)
        }
        watchers.add(tell)
        options.signal.addEventListener('abort', () => {
          watchers.delete(tell)
          queue.end()
        })
        return queue
      }),
    hosts: (options) => call(options, () => [{ name: null, engine }]),
    hostOf: (id, options) =>
      call(options, () => {
        find(id)
        return { name: null, engine }
      }),
    async [Symbol.asyncDispose]() {},
  }
  return engine

  function keep(reference: string, from: { readonly bytes: Buffer; readonly labels: Labels }): ImageFacts {
    const id = `sha256:${createHash('sha256').update(from.bytes).digest('hex')}`
    const { labels } = from
    const sizeBytes = from.bytes.length
    const rest = { digest: null, platform: 'linux/amd64', layers: [id], user: '', environment: {}, volumes: [] }
    const image: ImageFacts = { id, sizeBytes, labels, ...rest }
    images.set(reference, image)
    images.set(id, image)
    return image
  }
}

function stateOf(container: FakeContainer): ContainerState {
  const { id, status, exitCode } = container
  return {
    id,
    status,
    pid: status === 'running' ? firstPid : 0,
    exitCode: status === 'exited' ? exitCode : null,
    oomKilled: false,
    restarts: 0,
    error: '',
    startedAt: null,
    finishedAt: null,
    health: null,
    addresses: status === 'running' ? Array.from({ length: container.networks }, (_, at) => `192.0.2.${at + 2}`) : [],
    node: null,
    claims: {},
    raw: {},
  }
}

function outcomeOf(
  program: FakeProgram | undefined,
  spec: { readonly command: readonly string[]; readonly maxBytes: number },
): ExecResult {
  if (program === undefined) {
    return {
      exitCode: 127,
      stdout: '',
      stderr: `${spec.command[0]}: no such file or directory`,
      cutBytes: { stdout: 0, stderr: 0 },
    }
  }
  const text = (lines: readonly string[] = []) => Buffer.from(lines.map((line) => `${line}\n`).join(''))
  const [stdout, stderr] = [text(program.stdout), text(program.stderr)]
  const over = (content: Buffer) => Math.max(0, content.length - spec.maxBytes)
  return {
    exitCode: program.exitCode ?? 0,
    stdout: stdout.subarray(0, spec.maxBytes).toString(),
    stderr: stderr.subarray(0, spec.maxBytes).toString(),
    cutBytes: { stdout: over(stdout), stderr: over(stderr) },
  }
}

/** The last `maxBytes`, as of a real engine. */
function bounded(lines: readonly LogLine[], maxBytes: number) {
  const kept: LogLine[] = []
  let left = maxBytes
  let cutBytes = 0
  for (const line of lines.toReversed()) {
    const size = Buffer.byteLength(line.text)
    if (size <= left) kept.unshift(line)
    else cutBytes += size
    left = Math.max(0, left - size)
  }
  return { lines: kept, cutBytes }
}

async function* follow(container: FakeContainer): AsyncGenerator<LogLine> {
  for (let at = 0; ; at++) {
    const line = container.logs[at]
    if (line !== undefined) yield line
    else if (container.status !== 'running') return
    else {
      await new Promise<void>((resolve) => void container.ended.add(resolve))
      at -= 1
    }
  }
}

const echo = (): Duplex =>
  new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      this.push(chunk)
      done()
    },
    final(done) {
      this.push(null)
      done()
    },
  })

async function consumed(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}
