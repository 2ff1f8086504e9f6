/** The engines behind each environment: brought up when the first cell asks, and shared by environments that name the same. */
import type { Engine, EngineFacts } from '../engines/engine.ts'
import { abortable, anyOf, CancelledError, deadline } from '../lib/abort.ts'
import { Admission } from '../lib/admission.ts'
import type { Clock } from '../lib/clock.ts'
import type { RunEventBody } from '../model/event.ts'
import type { EngineRecord } from '../model/run-record.ts'
import type { RunIdentity } from './labels.ts'
import { placesOf } from './places.ts'
import { type EngineSession, openSession } from './session.ts'
import type { Teardown } from './teardown.ts'

/** Where the cells of an environment run. */
export interface Column {
  readonly engine: Engine
  /** Its containers take this machine's processors and memory, beside those of every other such engine. */
  readonly onThisMachine: boolean
  /** Its processors do a fraction of what real ones do. */
  readonly emulated?: boolean
}

/** A column that is ready for cells. */
export interface OpenColumn {
  readonly session: EngineSession
  readonly admission: Admission
  /** As `Column` has it. */
  readonly emulated: boolean
}

export interface ColumnsDeps {
  /** Brings the environment's engines up. Rejects with `EngineError` where none can be had. */
  readonly columnOf: (environment: string, signal: AbortSignal) => Promise<readonly Column[]>
  readonly identity: RunIdentity
  /** One an engine, so that one that hangs does not keep the others from being cleaned. */
  readonly newTeardown: () => Teardown
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly emit: (event: RunEventBody) => void
  readonly onNotice: (text: string) => void
  /** Cells in flight on one machine; null: from its processors. */
  readonly concurrency: number | null
}

/** What a connection that broke may need until it can be made again, and an engine that is started anew to answer. */
const pauseMs = 1_000
const answersWithinMs = 10_000
/** What an engine that answers may need for what it was asked for when a column is opened. */
const opensWithinMs = 30_000

export class Columns {
  readonly #deps: ColumnsDeps
  readonly #byEnvironment = new Map<string, Promise<readonly OpenColumn[]>>()
  readonly #byEngine = new Map<Engine, Promise<OpenColumn>>()
  readonly #turns = new Map<OpenColumn, number>()
  readonly #lost = new Set<OpenColumn>()
  readonly #openings = new Map<OpenColumn, Promise<OpenColumn | null>>()
  readonly #reopened = new Map<OpenColumn, OpenColumn>()
  /** Aborts once nothing more is to be brought up. */
  readonly #over = new AbortController()
  /** Aborts once what is being opened is not waited for any more. */
  readonly #cut = new AbortController()
  #thisMachine: Admission | undefined

  constructor(deps: ColumnsDeps) {
    this.#deps = { ...deps, signal: anyOf(deps.signal, this.#cut.signal) }
  }

  /**
   * A run may end before a column is there that no cell asked for in the end: nothing more is brought up for it, and what is
   * being made in an engine is waited for, so that it can be removed. False where that took too long.
   */
  async end(): Promise<boolean> {
    this.#over.abort(new CancelledError('the run is over'))
    const openings = Promise.allSettled([...this.#byEnvironment.values(), ...this.#openings.values()])
    using limit = deadline(opensWithinMs)
    try {
      await abortable(openings, limit.signal)
      return true
    } catch {
      this.#cut.abort(limit.signal.reason)
      return false
    }
  }

  /** Those that a run has used so far. */
  get engines(): readonly Engine[] {
    return [...this.#byEngine.keys()]
  }

  /** Opened once an environment. More than one column is a pool. Rejects with `EngineError` where no engine of it can be had. */
  of(environment: string): Promise<readonly OpenColumn[]> {
    let columns = this.#byEnvironment.get(environment)
    if (columns === undefined) {
      columns = this.#open(environment)
      // Who waits for it hears of the rejection; it may come before anybody does.
      columns.catch(() => {})
      this.#byEnvironment.set(environment, columns)
    }
    const latest = columns.then((pool) => pool.map((column) => this.latest(column)))
    latest.catch(() => {})
    return latest
  }

  /** What it was opened anew as, or itself. */
  latest(column: OpenColumn): OpenColumn {
    const next = this.#reopened.get(column)
    return next === undefined ? column : this.latest(next)
  }

  /**
   * Opens one that was lost anew, where its engine answers: what listened to it and helped there went with the
   * connection. Null where it stays lost, which is found out once. Rejects only with the signal's reason.
   */
  reopen(column: OpenColumn): Promise<OpenColumn | null> {
    let opening = this.#openings.get(column)
    if (opening === undefined) {
      opening = this.#openAgain(column).then((next) => {
        if (next !== null) this.#reopened.set(column, next)
        return next
      })
      this.#openings.set(column, opening)
    }
    return opening
  }

  async #openAgain({ session: { engine }, ...rest }: OpenColumn): Promise<OpenColumn | null> {
    const { clock, newTeardown, signal } = this.#deps
    try {
      using limit = deadline(answersWithinMs, signal)
      await answers(engine, { clock, signal: limit.signal })
      return { session: await openSession(engine, { ...this.#deps, teardown: newTeardown() }), ...rest }
    } catch {
      signal.throwIfAborted()
      return null
    }
  }

  /** It was lost under a cell: of a pool, the others take its cells for the rest of the run, also where it answers again. */
  giveUp(column: OpenColumn): void {
    this.#lost.add(column)
  }

  /** Those that were not lost, the one with most room first; engines of one machine, which share its room, take turns. */
  inTurn(pool: Iterable<OpenColumn>): readonly OpenColumn[] {
    const turns = (column: OpenColumn) => this.#turns.get(column) ?? 0
    return [...pool]
      .filter((column) => !this.#lost.has(column))
      .sort((one, other) => one.admission.load - other.admission.load || turns(one) - turns(other))
  }

  /** A cell goes to this one. */
  choose(column: OpenColumn): void {
    this.#turns.set(column, (this.#turns.get(column) ?? 0) + 1)
  }

  async #open(environment: string): Promise<readonly OpenColumn[]> {
    const { columnOf, emit, onNotice } = this.#deps
    const signal = anyOf(this.#deps.signal, this.#over.signal)
    const columns = await columnOf(environment, signal)
    signal.throwIfAborted()
    const opened: OpenColumn[] = []
    let trouble: unknown
    for (const column of columns) {
      try {
        opened.push(await this.#openOnce(column))
      } catch (error) {
        if (signal.aborted) throw error
        trouble = error
        if (columns.length > 1) onNotice(`${environment}: ${column.engine.endpoint} cannot be used: ${String(error)}`)
      }
    }
    const [first] = opened
    if (first === undefined) throw trouble
    const { memoryBytes, cpus, storageDriver } = first.session.facts
    emit({
      type: 'engine-ready',
      environment,
      engine: recordOf(first.session.facts),
      facts: {
        memoryBytes,
        cpus,
        storageDriver,
        ...(columns.length > 1 ? { engines: opened.length } : { endpoint: first.session.engine.endpoint }),
      },
      engines: opened.map(({ session: { engine, facts } }) => ({
        endpoint: engine.endpoint,
        engine: recordOf(facts),
        unsupported: [...facts.unsupported].sort(),
      })),
    })
    return opened
  }

  #openOnce(column: Column): Promise<OpenColumn> {
    const { engine } = column
    let opening = this.#byEngine.get(engine)
    if (opening === undefined) {
      opening = this.#openEngine(column)
      this.#byEngine.set(engine, opening)
    }
    return opening
  }

  async #openEngine({ engine, onThisMachine, emulated = false }: Column): Promise<OpenColumn> {
    const session = await openSession(engine, { ...this.#deps, teardown: this.#deps.newTeardown() })
    const { facts } = session
    const admission = onThisMachine ? this.#machineOf(facts) : this.#admissionOf(facts, emulated)
    return { session, admission, emulated }
  }

  /**
   * A build keeps a processor busy, an image on its way a part of one: a cell that needs much of the machine itself would miss
   * deadlines beside several of them that it keeps otherwise, so it waits for them, and smaller ones do not.
   * @param builder facts of the engine that builds
   */
  busy(work: 'build' | 'send', builder: EngineFacts): Disposable {
    return this.#machineOf(builder).hold({ bytes: 0, places: work === 'build' ? 2 : 1, exclusive: false })
  }

  /** @param facts of any engine of this machine */
  #machineOf(facts: EngineFacts): Admission {
    this.#thisMachine ??= this.#admissionOf(facts, false)
    return this.#thisMachine
  }

  #admissionOf({ cpus, memoryBytes }: EngineFacts, emulated: boolean): Admission {
    const places = this.#deps.concurrency ?? placesOf({ cpus, emulated })
    return new Admission({ places, budgetBytes: memoryBytes * 0.8 })
  }
}

/** Resolves once it does. Rejects only with the signal's reason. */
async function answers(
  engine: Engine,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  for (;;) {
    await clock.sleep(pauseMs, signal)
    try {
      await engine.facts({ signal })
      return
    } catch {
      signal.throwIfAborted()
    }
  }
}

function recordOf(facts: EngineFacts): EngineRecord {
  const { name, version, apiVersion, ociRuntime, rootless, kernel, cgroup, arch, nodes } = facts
  return { name, version, apiVersion, ociRuntime, rootless, kernel, cgroup, arch, nodes }
}
