/** From what an environment says of its engine to a connected one: the default, one that is named, or a host brought up for it. */
import { homedir } from 'node:os'
import pLimit from 'p-limit'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, EngineError, told } from '../engines/engine.ts'
import { connectSwarm } from '../engines/swarm/connect.ts'
import type { RegistryAuthority } from '../hosts/authorities.ts'
import { namedEndpoint } from '../hosts/endpoint-access.ts'
import type { HostAccess } from '../hosts/host.ts'
import { hostUp } from '../hosts/kinds.ts'
import { DeadlineError, deadline } from '../lib/abort.ts'
import type { Progress } from '../model/event.ts'
import type { EngineChoice, Environment, HostSpec } from '../model/project.ts'
import { canonicalJson } from '../plan/plan.ts'
import type { Column } from '../run/columns.ts'
import type { Io } from './io.ts'
import { remoteAnswersWithinMs } from './open-engine.ts'

export interface ColumnOptions {
  readonly environments: readonly Environment[]
  /** The default engine, on which nested hosts are containers. */
  readonly local: Engine
  /** Folder of the project. */
  readonly root: string
  readonly owner: string
  readonly mayInstall: boolean
  /** Whom hosts that are brought up come to trust; absent: whom they trusted before. */
  readonly authorities?: readonly RegistryAuthority[]
  readonly io: Io
  readonly progress: (progress: Progress) => void
  /** Done once with every engine before cells run on it. */
  readonly prepare: (engine: Engine, signal: AbortSignal) => Promise<void>
}

interface HostFor {
  readonly environment: string
  readonly signal: AbortSignal
}

/** Two that start at the same time share what they need of the machine, more would only wait. */
const hostsAtATime = 2

/** Engines of a run by environment; those that say the same share one. The default engine stays with who opened it. */
export class OpenColumns implements AsyncDisposable {
  readonly #options: ColumnOptions
  readonly #columns = new Map<string, Promise<readonly Column[]>>()
  readonly #limit = pLimit(hostsAtATime)

  constructor(options: ColumnOptions) {
    this.#options = options
  }

  /** More than one for a pool. Rejects with `EngineError`. */
  of(environment: string, signal: AbortSignal): Promise<readonly Column[]> {
    const choice = this.#options.environments.find(({ id }) => id === environment)?.engine ?? { kind: 'default' }
    const key = canonicalJson(choice)
    let columns = this.#columns.get(key)
    if (columns === undefined) {
      columns = this.#open(choice, { environment, signal }).then(async (opened) => this.#prepared(opened, signal))
      columns.catch(() => {})
      this.#columns.set(key, columns)
    }
    return columns
  }

  async #open(choice: EngineChoice, host: HostFor): Promise<readonly Column[]> {
    switch (choice.kind) {
      case 'default':
        return [{ engine: this.#options.local, onThisMachine: true }]
      case 'connect':
        return [await this.#connect(choice.endpoint, host)]
      case 'provision':
        return [await this.#limit(() => this.#provision(choice.spec, host))]
      case 'pool':
        return this.#usable(choice.endpoints, {
          nameOf: String,
          use: (endpoint) => this.#connect(endpoint, host),
        })
    }
  }

  #prepared(columns: readonly Column[], signal: AbortSignal): Promise<readonly Column[]> {
    return this.#usable(columns, {
      nameOf: (column) => column.engine.endpoint,
      use: async (column) => {
        await this.#options.prepare(column.engine, signal)
        return column
      },
    })
  }

  /** Of a pool, what cannot be used is left out and told, as long as another can. */
  async #usable<T>(
    all: readonly T[],
    { nameOf, use }: { readonly nameOf: (one: T) => string; readonly use: (one: T) => Promise<Column> },
  ): Promise<readonly Column[]> {
    const usable: Column[] = []
    let trouble: unknown
    for (const one of all) {
      try {
        usable.push(await use(one))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        trouble = error
        const text = `${nameOf(one)} cannot be used: ${told(error, 1000)}`
        if (all.length > 1) this.#options.progress({ type: 'notice', text })
      }
    }
    if (usable.length === 0) throw trouble
    return usable
  }

  async #connect(name: string, { environment, signal }: HostFor): Promise<Column> {
    const { env } = this.#options.io
    const found = namedEndpoint(name, { env, home: env['HOME'] || homedir() })
    if (!found.ok) throw new EngineError('rejected', found.problem.message, { hint: found.problem.hint })
    const { endpoint, access } = found
    const engine = connectDocker(endpoint, access)
    this.#options.progress({ type: 'host-progress', environment, text: `connecting to ${name}` })
    try {
      await answers(engine, signal)
    } catch (error) {
      await engine[Symbol.asyncDispose]()
      throw error
    }
    return { engine, onThisMachine: endpoint.startsWith('unix://') }
  }

  async #provision(spec: HostSpec, { environment, signal }: HostFor): Promise<Column> {
    const { authorities, io, local, root, owner, mayInstall, progress } = this.#options
    const up = await hostUp({
      spec,
      local,
      root,
      owner,
      env: io.env,
      mayInstall,
      ...(authorities === undefined ? {} : { authorities }),
      signal,
      connect: connectDocker,
      onProgress: (text) => progress({ type: 'host-progress', environment, text }),
    })
    if (!up.ok) throw new EngineError('unreachable', up.problem.message, { hint: up.problem.hint })
    return { engine: connectAccess(up.access), onThisMachine: spec.kind !== 'vm', emulated: up.emulated === true }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of this.#columns.values()) {
      for (const { engine } of await opening.catch(() => [])) {
        if (engine !== this.#options.local) await engine[Symbol.asyncDispose]()
      }
    }
  }
}

/** Rejects with `EngineError` where it does not, or takes longer than anybody would wait for it. */
async function answers(engine: Engine, signal: AbortSignal): Promise<void> {
  using limit = deadline(remoteAnswersWithinMs, signal)
  try {
    await engine.facts({ signal: limit.signal })
  } catch (error) {
    if (!(error instanceof DeadlineError) || signal.aborted) throw error
    const message = `the engine takes connections and does not answer within ${remoteAnswersWithinMs / 1000} s`
    throw new EngineError('unreachable', message, { hint: `docker -H ${engine.endpoint} version asks it, too.` })
  }
}

export function connectAccess(access: HostAccess): Engine {
  switch (access.kind) {
    case 'engine':
      return connectDocker(access.endpoint, access.access)
    case 'swarm':
      return connectSwarm(access.nodes.map(({ name, endpoint }) => ({ name, engine: connectDocker(endpoint) })))
  }
}
