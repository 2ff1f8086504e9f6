/** Somebody who is told what happens during a run. */
import type { Progress, RunEvent } from '../model/event.ts'

export interface Reporter {
  event(event: RunEvent): void
  progress(progress: Progress): void
  /** The run is over, or broke off; gives back the terminal. Until then it may keep the program alive. */
  end(): void
}

/** Tells several reporters the same; one that throws is ended and not told again, and the run goes on. Each ends once. */
export function multiplex(reporters: readonly Reporter[], onBroken: (error: unknown) => void): Reporter {
  const alive = new Set(reporters)
  const each = (tell: (reporter: Reporter) => void) => {
    for (const reporter of [...alive]) {
      try {
        tell(reporter)
      } catch (error) {
        alive.delete(reporter)
        onBroken(error)
        endQuietly(reporter)
      }
    }
  }
  return {
    event: (event) => each((reporter) => reporter.event(event)),
    progress: (progress) => each((reporter) => reporter.progress(progress)),
    end: () => {
      each((reporter) => reporter.end())
      alive.clear()
    },
  }
}

/** What broke once may break again as it ends, which is told already. */
function endQuietly(reporter: Reporter): void {
  try {
    reporter.end()
  } catch {
    // Nothing is shown by it any more.
  }
}
