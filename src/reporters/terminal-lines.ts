/** One line an event: for logs, pipes and terminals that cannot redraw. */
import { createColors } from 'picocolors'
import type { Clock } from '../lib/clock.ts'
import { counted } from '../lib/counted.ts'
import { oneLine, printable } from '../lib/printable.ts'
import type { CellFinished, Progress, RunEvent } from '../model/event.ts'
import { formatDuration } from './duration.ts'
import { type Grid, paintOf } from './grid.ts'
import { LiveRun, type LiveState } from './live-state.ts'
import type { Reporter } from './reporter.ts'
import { troubleTold } from './sentence.ts'

/** A phase that takes so long is told when it ends, so that a cell that takes long is not silent. */
const longPhaseMs = 30_000
/** After so long without a line it is told what still runs. */
const quietMs = 30_000
const shownRunning = 4
const shownChars = 80

export function terminalLines(
  options: { readonly write: (text: string) => void; readonly color: boolean },
  clock: Clock,
): Reporter {
  const startedAt = clock.now()
  const live = new LiveRun()
  const over = new AbortController()
  let toldAt = startedAt
  const colors = createColors(options.color)
  let total = 0
  let done = 0
  const write = (text: string) => {
    toldAt = clock.now()
    options.write(text)
  }
  const say = (atMs: number, text: string) => {
    write(`${colors.dim(formatDuration(atMs).padStart(11))}  ${printable(text)}\n`)
  }
  const finished = (event: CellFinished & { readonly atMs: number }) => {
    done += 1
    const at = event.stage === null ? '' : ` at ${event.stage}`
    const why = event.outcome === 'pass' ? '' : `${at} (${event.reason ?? '?'}): ${event.message}`
    const outcome = paintOf(event.outcome, colors)(event.outcome)
    const count = `${done}/${total}`
    const took = formatDuration(event.durationMs)
    const time = colors.dim(formatDuration(event.atMs).padStart(11))
    const how = event.observedIn === undefined ? `in ${took}` : `since ${event.observedIn.run}, unchanged`
    write(`${time}  ${count.padStart(7)}  ${event.cell} ${outcome} ${how}${printable(why)}\n`)
    const [row = ''] = event.cell.split('@')
    const answers = answersOf(live.state(event.atMs).grid, row)
    if (answers !== null) say(event.atMs, `row ${row}: ${answers}`)
  }
  const heartbeat = async () => {
    for (;;) {
      await clock.sleep(toldAt + quietMs - clock.now(), over.signal)
      const now = clock.now()
      if (now - toldAt < quietMs) continue
      const what = stillRunning(live.state(now - startedAt), now - startedAt)
      if (what === null) toldAt = now
      else say(now - startedAt, what)
    }
  }
  heartbeat().catch((error: unknown) => {
    if (!over.signal.aborted) throw error
  })
  return {
    event(event: RunEvent) {
      live.event(event)
      switch (event.type) {
        case 'run-started': {
          total = event.cells.filter((cell) => cell.excluded === null).length
          say(
            event.atMs,
            `run ${event.run}: ${counted(event.rows.length, 'stack')} × ${counted(event.environments.length, 'environment')}`,
          )
          return
        }
        case 'base-ready':
          say(event.atMs, `base ${event.base.reference}: ${event.base.message}`)
          return
        case 'build-started':
          say(event.atMs, `build ${event.stack}`)
          return
        case 'build-finished': {
          const { stack, outcome, durationMs, cached, message } = event.build
          const how = cached ? 'already built' : `built in ${formatDuration(durationMs)}`
          say(event.atMs, outcome === 'pass' ? `build ${stack}: ${how}` : `build ${stack} ${outcome}: ${message}`)
          return
        }
        case 'cell-phase': {
          const { name, durationMs } = event.phase
          // How the sending goes is told on its own.
          if (name === 'distribute' || durationMs < longPhaseMs) return
          say(event.atMs, `${event.cell}: ${name}, ${formatDuration(durationMs)}`)
          return
        }
        case 'cell-finished':
          finished(event)
          return
        case 'cell-tried-again':
          say(event.atMs, `${event.cell} is tried again, for ${troubleTold(event.trouble)}`)
          return
        case 'cell-explained':
          say(event.atMs, event.explanation.summary)
          return
        default:
          return
      }
    },
    progress(progress: Progress) {
      const atMs = clock.now() - startedAt
      live.progress(progress, atMs)
      if (progress.type === 'notice' || progress.type === 'host-progress') say(atMs, progress.text)
      if (progress.type === 'cell-search') say(atMs, `${progress.cell}: ${progress.text}`)
    },
    end() {
      over.abort()
    },
  }
}

/** How a row came out, such as `6 pass, 1 fail`; null where cells are still to answer, or only one was to. */
function answersOf({ columns, state }: Grid, row: string): string | null {
  const states = columns.map((column) => state(row, column)).filter((one) => one !== null && one !== 'excluded')
  if (states.length < 2 || states.some((one) => one === 'not-run' || one === 'running')) return null
  const counts = [...new Set(states)].map((one) => `${states.filter((other) => other === one).length} ${one}`)
  return counts.join(', ')
}

/** Null where nothing is known to run. */
function stillRunning({ running, notice }: LiveState, nowMs: number): string | null {
  const told = running.map(
    ({ name, what, sinceMs }) => `${name}, ${oneLine(what, shownChars)} (${formatDuration(nowMs - sinceMs)})`,
  )
  if (told.length === 0) return notice === null ? null : `still: ${notice}`
  const more = told.length > shownRunning ? `; and ${told.length - shownRunning} more` : ''
  return `still: ${told.slice(0, shownRunning).join('; ')}${more}`
}
