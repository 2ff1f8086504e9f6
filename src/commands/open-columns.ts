/** From what an environment says of its engine to a connected one: the default, one that is named, or a host brought up for it. */
import { homedir } from 'node:os'
import pLimit from 'p-limit'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, EngineError } from '../engines/engine.ts'
import { connectSwarm } from '../engines/swarm/connect.ts'
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
  readonly project: string
  readonly owner: string
  readonly mayInstall: boolean
  readonly io: Io
  readonly progress: (progress: Progress) => void
  /** Done once with every engine before cells run on it. */
  readonly prepare: (engine: Engine) => Promise<void>
}

/** Two that start at the same time share what they need of the machine, more would only wait. */
const hostsAtATime = 2

/** Engines of a run by environment; those that say the same share one. The default engine stays with who opened it. */
export class OpenColumns implements AsyncDisposable {
  readonly #options: ColumnOptions
  readonly #columns = new Map<string, Promise<Column>>()
  readonly #limit = pLimit(hostsAtATime)

  constructor(options: ColumnOptions) {
    this.#options = options
  }

  /** Rejects with `EngineError`. */
  of(environment: string): Promise<Column> {
    const choice = this.#options.environments.find(({ id }) => id === environment)?.engine ?? { kind: 'default' }
    const key = canonicalJson(choice)
    let column = this.#columns.get(key)
    if (column === undefined) {
      column = this.#open(choice, environment).then(async (opened) => {
        await this.#options.prepare(opened.engine)
        return opened
      })
      column.catch(() => {})
      this.#columns.set(key, column)
    }
    return column
  }

  async #open(choice: EngineChoice, environment: string): Promise<Column> {
    switch (choice.kind) {
      case 'default':
        return { engine: this.#options.local, onThisMachine: true }
      case 'connect':
        return this.#connect(choice.endpoint)
      case 'provision':
        return this.#limit(() => this.#provision(choice.spec, environment))
      case 'pool':
        throw new EngineError('rejected', 'a pool of engines cannot be used yet')
    }
  }

  #connect(name: string): Column {
    const { env } = this.#options.io
    const found = namedEndpoint(name, { env, home: env['HOME'] || homedir() })
    if (!found.ok) throw new EngineError('rejected', found.problem.message, { hint: found.problem.hint })
    const { endpoint, access } = found
    return { engine: connectDocker(endpoint, access), onThisMachine: endpoint.startsWith('unix://') }
  }

  async #provision(spec: HostSpec, environment: string): Promise<Column> {
    const { io, local, project, owner, mayInstall, progress } = this.#options
    const up = await hostUp({
      spec,
      local,
      project,
      owner,
      env: io.env,
      mayInstall,
      signal: io.signal,
      connect: connectDocker,
      onProgress: (text) => progress({ type: 'host-progress', environment, text }),
    })
    if (!up.ok) throw new EngineError('unreachable', up.problem.message, { hint: up.problem.hint })
    return { engine: connectAccess(up.access), onThisMachine: spec.kind !== 'vm' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const column of this.#columns.values()) {
      const opened = await column.catch(() => null)
      if (opened !== null && opened.engine !== this.#options.local) await opened.engine[Symbol.asyncDispose]()
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
