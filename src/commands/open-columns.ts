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
import type { Progress } from '../model/event.ts'
import type { EngineChoice, Environment, HostSpec } from '../model/project.ts'
import { canonicalJson } from '../plan/plan.ts'
import type { Column } from '../run/columns.ts'
import type { Io } from './io.ts'

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
  readonly prepare: (engine: Engine) => Promise<void>
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
      columns = this.#open(choice, { environment, signal }).then(async (opened) => this.#prepared(opened))
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
        return [this.#connect(choice.endpoint)]
      case 'provision':
        return [await this.#limit(() => this.#provision(choice.spec, host))]
      case 'pool':
        return this.#usable(choice.endpoints, { nameOf: String, use: async (endpoint) => this.#connect(endpoint) })
    }
  }

  #prepared(columns: readonly Column[]): Promise<readonly Column[]> {
    return this.#usable(columns, {
      nameOf: (column) => column.engine.endpoint,
      use: async (column) => {
        await this.#options.prepare(column.engine)
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

  #connect(name: string): Column {
    const { env } = this.#options.io
    const found = namedEndpoint(name, { env, home: env['HOME'] || homedir() })
    if (!found.ok) throw new EngineError('rejected', found.problem.message, { hint: found.problem.hint })
    const { endpoint, access } = found
    return { engine: connectDocker(endpoint, access), onThisMachine: endpoint.startsWith('unix://') }
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

export function connectAccess(access: HostAccess): Engine {
  switch (access.kind) {
    case 'engine':
      return connectDocker(access.endpoint, access.access)
    case 'swarm':
      return connectSwarm(access.nodes.map(({ name, endpoint }) => ({ name, engine: connectDocker(endpoint) })))
  }
}
