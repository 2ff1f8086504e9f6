/** The phases of a cell over its time, a bar each. */
import { printable } from '../../lib/printable.ts'
import type { PhaseRecord } from '../../model/run-record.ts'
import { formatDuration } from '../duration.ts'

const width = 400
const height = 10

const kinds = ['network', 'distribute', 'create', 'start', 'need', 'ready', 'constraints', 'check', 'stays-up', 'stop']

/** `check it answers` is a check, `start queue` a start. */
function kindOf(name: string): string {
  const first = name.split(' ')[0] ?? name
  return kinds.includes(first) ? first : 'other'
}

export const Phases = ({ phases }: { readonly phases: readonly PhaseRecord[] }) => {
  if (phases.length === 0) return null
  const from = Math.min(...phases.map((phase) => phase.startMs))
  const to = Math.max(...phases.map((phase) => phase.startMs + phase.durationMs), from + 1)
  const x = (ms: number) => ((ms - from) / (to - from)) * width
  return (
    <ol class="phases">
      {phases
        .toSorted((a, b) => a.startMs - b.startMs)
        .map(({ name, startMs, durationMs }) => (
          <li key={`${name} ${startMs}`}>
            <span class="line">{printable(name)}</span>
            <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
              <rect
                class={`phase ${kindOf(name)}`}
                x={Math.min(x(startMs), width - 3).toFixed(1)}
                width={Math.max(3, x(startMs + durationMs) - x(startMs)).toFixed(1)}
                height={height}
                rx="2"
              />
            </svg>
            <span class="num">{formatDuration(durationMs)}</span>
          </li>
        ))}
    </ol>
  )
}
