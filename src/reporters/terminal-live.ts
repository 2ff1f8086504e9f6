/** On a terminal: the matrix itself, each `?` turning into its answer in place. */
import { createLogUpdate } from 'log-update'
import { createColors } from 'picocolors'
import type { Clock } from '../lib/clock.ts'
import { oneLine } from '../lib/printable.ts'
import { formatDuration } from './duration.ts'
import { renderGrid } from './grid.ts'
import { LiveRun, type LiveState } from './live-state.ts'
import type { Reporter } from './reporter.ts'

const redrawMs = 200

export interface Screen {
  readonly stream: NodeJS.WriteStream
  readonly columns: () => number
  readonly rows: () => number
  readonly color: boolean
}

export function terminalLive(screen: Screen, clock: Clock): Reporter {
  const draw = createLogUpdate(screen.stream, { showCursor: false })
  const run = new LiveRun()
  const startedAt = clock.now()
  const over = new AbortController()
  const redraw = () => {
    const size = { columns: screen.columns(), rows: screen.rows(), color: screen.color }
    const elapsedMs = clock.now() - startedAt
    draw(renderLive(run.state(elapsedMs), { ...size, elapsedMs }))
  }
  const loop = async () => {
    while (!over.signal.aborted) {
      redraw()
      await clock.sleep(redrawMs, over.signal)
    }
  }
  loop().catch((error: unknown) => {
    if (!over.signal.aborted) throw error
  })
  return {
    event: (event) => run.event(event),
    progress: (progress) => run.progress(progress, clock.now() - startedAt),
    end() {
      over.abort()
      draw.clear()
      draw.done()
    },
  }
}

/** One screen, never more lines than the terminal has. */
export function renderLive(
  state: LiveState,
  options: { readonly columns: number; readonly rows: number; readonly color: boolean; readonly elapsedMs: number },
): string {
  const { columns, rows, color, elapsedMs } = options
  const colors = createColors(color)
  const grid = renderGrid(state.grid, { width: columns - 1, color }).split('\n')
  const left = state.expectedMs === null ? '' : `, about ${formatDuration(state.expectedMs)} to go`
  const head = `${state.done} of ${state.total} cells answered in ${formatDuration(elapsedMs)}${left}`
  const width = Math.max(10, columns - 1)
  const running = state.running.map(({ name, what, sinceMs }) =>
    colors.dim(oneLine(`  ${name}: ${what} (${formatDuration(Math.max(0, elapsedMs - sinceMs))})`, width)),
  )
  const notice = state.notice === null ? [] : [colors.yellow(oneLine(state.notice, width))]
  const room = Math.max(0, rows - 2 - grid.length - notice.length)
  const shown = running.length > room ? running.slice(0, Math.max(0, room - 1)) : running
  const hidden = running.length - shown.length
  const more = hidden > 0 && room > 0 ? [colors.dim(`  and ${hidden} more`)] : []
  return [...grid, oneLine(head, width), ...shown, ...more, ...notice].slice(0, Math.max(1, rows - 1)).join('\n')
}
