/** What the last runs tell together: how many cells passed, how long they took, how large the images were. */
import type { PastRun } from '../../model/history.ts'
import { formatDuration } from '../duration.ts'
import { answerLook, type Look, words } from './looks.ts'
import { bytes, Section, when } from './parts.tsx'
import { stripLength } from './view.ts'

const width = 320
const height = 96

export const Trends = ({ runs }: { readonly runs: readonly PastRun[] }) => {
  // What only a part of the cells cost is no trend.
  const last = runs.filter((run) => !run.part).slice(-stripLength)
  if (last.length < 2) return null
  const [first] = last
  const rates = last.map(passRate)
  const durations = last.map((run) => sum([...run.cells.values()].map((line) => line.durationMs)))
  const sizes = last.map(imageBytes)
  return (
    <Section
      id="trends"
      title="Trends"
      lead={`The last ${last.length} runs, from ${first === undefined ? '' : when(first.startedAt)} on.`}
    >
      <div class="charts">
        <Chart title="Answers" told={`${last.length} runs; the last: ${percent(rates.at(-1))} of the cells passed.`}>
          <Stacked runs={last} />
        </Chart>
        <Chart title="Time of all cells together" told={range(durations, formatDuration)}>
          <Lined values={durations} />
        </Chart>
        {sizes.every((size) => size === 0) ? null : (
          <Chart title="Size of all images together" told={range(sizes, bytes)}>
            <Lined values={sizes} />
          </Chart>
        )}
      </div>
    </Section>
  )
}

const Chart = ({
  title,
  told,
  children,
}: {
  readonly title: string
  readonly told: string
  readonly children: preact.ComponentChildren
}) => (
  <figure class="chart small">
    <h3>{title}</h3>
    <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {children}
    </svg>
    <figcaption>{told}</figcaption>
  </figure>
)

const stacked: readonly Look[] = ['pass', 'known', 'fail', 'error', 'blocked', 'cancelled', 'not-run']

const Stacked = ({ runs }: { readonly runs: readonly PastRun[] }) => {
  const slot = width / Math.max(runs.length, 12)
  return (
    <>
      {runs.map((run, index) => {
        const looks = [...run.cells.values()]
          .filter((line) => line.outcome !== 'excluded')
          .map((line) => answerLook({ outcome: line.outcome, waived: line.waived === true }))
        let y = height
        return stacked.map((look) => {
          const share = (looks.filter((one) => one === look).length / Math.max(looks.length, 1)) * height
          y -= share
          return share === 0 ? null : (
            <rect
              key={`${run.run} ${look}`}
              class={`span ${look}`}
              x={(index * slot).toFixed(1)}
              y={y.toFixed(1)}
              width={(slot - 1.5).toFixed(1)}
              height={share.toFixed(1)}
            >
              <title>{`${run.run}: ${words[look]}`}</title>
            </rect>
          )
        })
      })}
    </>
  )
}

const Lined = ({ values }: { readonly values: readonly number[] }) => {
  const top = Math.max(...values, 1)
  const slot = width / Math.max(values.length - 1, 1)
  const points = values.map(
    (value, index) => `${(index * slot).toFixed(1)},${(height - (value / top) * (height - 8)).toFixed(1)}`,
  )
  return (
    <>
      <polygon class="area" points={`0,${height} ${points.join(' ')} ${width},${height}`} />
      <polyline class="curve" points={points.join(' ')} />
    </>
  )
}

function passRate(run: PastRun): number {
  const lines = [...run.cells.values()].filter((line) => line.outcome !== 'excluded')
  return lines.filter((line) => line.outcome === 'pass').length / Math.max(lines.length, 1)
}

/** Of each row once: it has one image wherever it runs. */
function imageBytes(run: PastRun): number {
  const rows = new Map([...run.cells.values()].map((line) => [line.cell.split('@')[0], line.imageBytes ?? 0]))
  return sum([...rows.values()])
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const percent = (share: number | undefined): string => `${Math.floor((share ?? 0) * 100)} %`

function range(values: readonly number[], format: (value: number) => string): string {
  const [last, least, most] = [values.at(-1) ?? 0, Math.min(...values), Math.max(...values)].map(format)
  return least === most ? `Always ${last}.` : `Now ${last}; between ${least} and ${most}.`
}
