/** Asks a cell under configurations: what was heard before is not asked again, and everything has a budget. */
import pLimit, { type LimitFunction } from 'p-limit'
import { EngineError } from '../engines/engine.ts'
import { DeadlineError, deadline } from '../lib/abort.ts'
import type { ProbeRecord } from '../model/run-record.ts'
import { type Answer, type Configuration, describe, type Subject } from './probe.ts'

export interface Budget {
  readonly probes: number
  readonly ms: number
}
/** Of a cell that has to share its time with others. */
export const defaultBudget: Budget = { probes: 40, ms: 120_000 }

/** The budget is spent, or nothing can be asked any more; what is known by then stands. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError'
}

/** An answer that was there before the search began, such as that of the run's own cell. */
export interface KnownAnswer {
  /** Of the configuration, as `Subject.keyOf` gives it. */
  readonly key: string
  readonly answer: Answer
  /** The cell that gave it. */
  readonly from: string
}

/** A configuration with what it is to find out, in words. */
export interface Named extends Configuration {
  readonly purpose: string
}

/** That the cell is run again now, or was. */
export interface Probed {
  /** Counted from one. */
  readonly number: number
  readonly purpose: string
  readonly state: 'begins' | 'over'
}

export class Prober implements Disposable {
  readonly subject: Subject
  readonly records: ProbeRecord[] = []
  readonly #heard = new Map<string, { readonly configuration: Configuration; readonly answers: Answer[] }>()
  readonly #free = new Map<string, KnownAnswer[]>()
  readonly #budget: Budget
  readonly #limit: LimitFunction
  readonly #deadline: ReturnType<typeof deadline>
  readonly #signal: AbortSignal
  readonly #onProbe: (probe: Probed) => void
  #spent = 0

  constructor(
    subject: Subject,
    options: {
      readonly budget: Budget
      readonly parallel: number
      readonly signal: AbortSignal
      readonly known: readonly KnownAnswer[]
      readonly onProbe: (probe: Probed) => void
    },
  ) {
    this.subject = subject
    this.#budget = options.budget
    this.#limit = pLimit(options.parallel)
    this.#signal = options.signal
    this.#onProbe = options.onProbe
    this.#deadline = deadline(options.budget.ms, options.signal)
    for (const known of options.known) this.#free.set(known.key, [...(this.#free.get(known.key) ?? []), known])
  }

  [Symbol.dispose](): void {
    this.#deadline[Symbol.dispose]()
  }

  /** How often the cell was run. */
  get spent(): number {
    return this.#spent
  }

  /** What was heard of this configuration so far. */
  heard(configuration: Configuration): readonly Answer[] {
    return this.#heard.get(this.subject.keyOf(configuration))?.answers ?? []
  }

  /** Every configuration's answers, those of equal ones together. */
  all(): readonly { readonly configuration: Configuration; readonly answers: readonly Answer[] }[] {
    return [...this.#heard.values()]
  }

  /**
   * At least `count` answers, the earliest first. Rejects with `BudgetError` where that would go beyond the budget, and
   * with the signal's reason.
   */
  async ask(configuration: Configuration, count = 1): Promise<readonly Answer[]> {
    const key = this.subject.keyOf(configuration)
    const { answers } = this.#heard.get(key) ?? { answers: [] as Answer[] }
    if (!this.#heard.has(key)) this.#heard.set(key, { configuration, answers })
    for (const free of this.#free.get(key) ?? []) {
      answers.push(free.answer)
      this.#record(this.#named(configuration), free.answer, free.from)
    }
    this.#free.delete(key)
    const missing = Math.max(0, count - answers.length)
    const runs = Array.from({ length: missing }, () => this.#limit(() => this.#run(configuration)))
    const settled = await Promise.allSettled(runs)
    for (const result of settled) {
      if (result.status === 'rejected') throw result.reason
    }
    return answers
  }

  /** Something beside the cell's own configurations, such as it with a changed stack; within the same budget. */
  async try(what: Named, run: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    return this.#limit(() => this.#resolved(what, run))
  }

  async #run(configuration: Configuration): Promise<void> {
    const run = (signal: AbortSignal) => this.subject.run(configuration, signal)
    const answer = await this.#resolved(this.#named(configuration), run)
    this.#heard.get(this.subject.keyOf(configuration))?.answers.push(answer)
  }

  /** Trouble of the machine says nothing about the cell, and is tried again. */
  async #resolved(what: Named, run: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      this.#signal.throwIfAborted()
      if (this.#spent >= this.#budget.probes) throw new BudgetError(`${this.#budget.probes} probes were spent`)
      if (this.#deadline.signal.aborted) throw this.#overTime()
      this.#spent += 1
      const answer = await this.#told({ number: this.#spent, purpose: what.purpose }, () => this.#once(run))
      this.#record(what, answer, null)
      if (answer.reason === 'engine-lost' || answer.reason === 'node-lost') throw new BudgetError('the engine was lost')
      if (answer.outcome !== 'unresolved' || attempt === 2) return answer
    }
  }

  async #told(probe: Omit<Probed, 'state'>, run: () => Promise<Answer>): Promise<Answer> {
    this.#onProbe({ ...probe, state: 'begins' })
    try {
      return await run()
    } finally {
      this.#onProbe({ ...probe, state: 'over' })
    }
  }

  async #once(run: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await run(this.#deadline.signal)
      if (!this.#deadline.signal.aborted) return answer
    } catch (error) {
      if (!this.#deadline.signal.aborted) {
        throw error instanceof EngineError ? new BudgetError(`the engine gave no answer (${error.message})`) : error
      }
    }
    throw this.#overTime()
  }

  #overTime(): unknown {
    const { reason } = this.#deadline.signal as { readonly reason: unknown }
    return reason instanceof DeadlineError
      ? new BudgetError(`${Math.round(this.#budget.ms / 1000)} s were over`)
      : reason
  }

  #named(configuration: Configuration): Named {
    return { ...configuration, purpose: describe(configuration, this.subject.atoms) }
  }

  #record({ purpose, kept, values }: Named, answer: Answer, from: string | null): void {
    const { atoms } = this.subject
    const { outcome, stage, reason, message, signature, durationMs } = answer
    this.records.push({
      purpose,
      kept: atoms.filter((atom) => kept.has(atom)),
      lifted: atoms.filter((atom) => !kept.has(atom)),
      values,
      outcome,
      stage,
      reason,
      message,
      signature,
      durationMs,
      from,
    })
  }
}
