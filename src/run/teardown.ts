/** What has to be undone, registered before it is done: the last first, within a budget of its own. */
import { deadline } from '../lib/abort.ts'

export interface TeardownFailure {
  readonly what: string
  readonly error: unknown
}

interface Action {
  readonly what: string
  readonly undo: (signal: AbortSignal) => Promise<void>
}

/** A list of undo actions. Running it never rejects, and a failing action does not keep the others from running. */
export class Teardown {
  readonly #actions: Action[] = []

  /** Registers an action; call this before the thing that it undoes is done. */
  defer(what: string, undo: (signal: AbortSignal) => Promise<void>): void {
    this.#actions.push({ what, undo })
  }

  /**
   * What fails stays for another call.
   *
   * @param budgetMs for all actions together; cancellation of the run does not shorten it.
   */
  async run(budgetMs: number): Promise<readonly TeardownFailure[]> {
    const failures: TeardownFailure[] = []
    const failed: Action[] = []
    using limit = deadline(budgetMs)
    for (let action = this.#actions.pop(); action !== undefined; action = this.#actions.pop()) {
      try {
        await action.undo(limit.signal)
      } catch (error) {
        failures.push({ what: action.what, error })
        failed.unshift(action)
      }
    }
    this.#actions.push(...failed)
    return failures
  }
}
