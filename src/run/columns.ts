/** The engine behind each environment: brought up when the first cell asks, and shared by environments that name the same one. */
import type { Engine } from '../engines/engine.ts'
import { Admission } from '../lib/admission.ts'
import type { RunEventBody } from '../model/event.ts'
import type { RunIdentity } from './labels.ts'
import { type EngineSession, openSession } from './session.ts'
import type { Teardown } from './teardown.ts'

/** Where the cells of an environment run. */
export interface Column {
  readonly engine: Engine
  /** Its containers take this machine's processors and memory, beside those of every other such engine. */
  readonly onThisMachine: boolean
}

/** A column that is ready for cells. */
export interface OpenColumn {
  readonly session: EngineSession
  readonly admission: Admission
}

export interface ColumnsDeps {
  /** Brings the environment's engine up. Rejects with `EngineError`. */
  readonly columnOf: (environment: string) => Promise<Column>
  readonly identity: RunIdentity
  readonly teardown: Teardown
  readonly signal: AbortSignal
  readonly emit: (event: RunEventBody) => void
  readonly onNotice: (text: string) => void
  /** Cells in flight on one machine; null: from its processors. */
  readonly concurrency: number | null
}

export class Columns {
  readonly #deps: ColumnsDeps
  readonly #byEnvironment = new Map<string, Promise<OpenColumn>>()
  readonly #byEngine = new Map<Engine, Promise<OpenColumn>>()
  #thisMachine: Admission | undefined

  constructor(deps: ColumnsDeps) {
    this.#deps = deps
  }

  /** Once an environment; the rejection of a promise that nobody waits for is no loss. Rejects with `EngineError` where its engine cannot be had. */
  of(environment: string): Promise<OpenColumn> {
    let column = this.#byEnvironment.get(environment)
    if (column === undefined) {
      column = this.#open(environment)
      column.catch(() => {})
      this.#byEnvironment.set(environment, column)
    }
    return column
  }

  async #open(environment: string): Promise<OpenColumn> {
    const { columnOf, emit } = this.#deps
    const { engine, onThisMachine } = await columnOf(environment)
    let opening = this.#byEngine.get(engine)
    if (opening === undefined) {
      opening = this.#openEngine(engine, onThisMachine)
      this.#byEngine.set(engine, opening)
    }
    const open = await opening
    const { name, version, apiVersion, ociRuntime, rootless, kernel, cgroup, arch, nodes } = open.session.facts
    const { memoryBytes, cpus, storageDriver } = open.session.facts
    emit({
      type: 'engine-ready',
      environment,
      engine: { name, version, apiVersion, ociRuntime, rootless, kernel, cgroup, arch, nodes },
      facts: { memoryBytes, cpus, storageDriver, endpoint: engine.endpoint },
    })
    return open
  }

  async #openEngine(engine: Engine, onThisMachine: boolean): Promise<OpenColumn> {
    const session = await openSession(engine, this.#deps)
    const { memoryBytes, cpus } = session.facts
    const places = this.#deps.concurrency ?? Math.min(8, Math.max(2, cpus * 3))
    const limits = { places, budgetBytes: memoryBytes * 0.8 }
    if (!onThisMachine) return { session, admission: new Admission(limits) }
    this.#thisMachine ??= new Admission(limits)
    return { session, admission: this.#thisMachine }
  }
}
