/** The run over time: builds and cells in as many lanes as ran side by side. */
import { counted } from '../../lib/counted.ts'
import type { RunRecord } from '../../model/run-record.ts'
import { formatDuration } from '../duration.ts'
import { type Look, lookOf } from './looks.ts'
import { bytes, Section } from './parts.tsx'

interface Span {
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly look: Look | 'build'
  /** While its images were brought to its engine; null where they were there. */
  readonly brought: { readonly startMs: number; readonly endMs: number } | null
}

const width = 1000
const lane = 14
const axis = 22

export const Timeline = ({ run }: { readonly run: RunRecord }) => {
  const builds = lanesOf(run.builds.flatMap(buildSpan))
  const cells = lanesOf(run.cells.flatMap(cellSpan))
  const count = builds.length + cells.length
  const endMs = Math.max(run.timing.makespanMs, 1)
  const x = (ms: number) => (Math.min(ms, endMs) / endMs) * width
  const height = count * lane + axis
  const { lowerBoundMs } = run.timing
  return (
    <Section id="run" title="The run">
      <dl class="meta">
        <div>
          <dt>Until the last answer</dt>
          <dd>{formatDuration(run.timing.makespanMs)}</dd>
        </div>
        <div>
          <dt>Could not be shorter than</dt>
          <dd>{lowerBoundMs === null ? 'not known' : formatDuration(lowerBoundMs)}</dd>
        </div>
        <div>
          <dt>All builds together</dt>
          <dd>{buildsTold(run)}</dd>
        </div>
        <div>
          <dt>Distribution</dt>
          <dd>{distributionTold(run)}</dd>
        </div>
      </dl>
      {count === 0 ? (
        <p class="note">Nothing was started.</p>
      ) : (
        <figure class="chart">
          <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-labelledby="timeline-name">
            <title id="timeline-name">
              {`${run.builds.length} builds and ${run.cells.length} cells over ${formatDuration(endMs)}`}
            </title>
            {ticks(endMs).map((ms) => (
              <g key={ms}>
                <line class="tick" x1={x(ms).toFixed(1)} x2={x(ms).toFixed(1)} y1="0" y2={height - axis} />
                <text class="label" x={x(ms).toFixed(1)} y={height - 6} text-anchor={ms === 0 ? 'start' : 'middle'}>
                  {formatDuration(ms)}
                </text>
              </g>
            ))}
            {[...builds, ...cells].map((spans, index) =>
              spans.map((span) => (
                <g key={`${span.name} ${span.startMs}`}>
                  <title>{`${span.name}, ${formatDuration(span.endMs - span.startMs)}`}</title>
                  <Bar from={x(span.startMs)} to={x(span.endMs)} y={index * lane + 1} look={span.look} />
                  {span.brought === null ? null : (
                    <Bar
                      from={x(span.brought.startMs)}
                      to={x(span.brought.endMs)}
                      y={index * lane + 1}
                      look="brought"
                    />
                  )}
                </g>
              )),
            )}
            {lowerBoundMs === null ? null : (
              <line class="bound" x1={x(lowerBoundMs)} x2={x(lowerBoundMs)} y1="0" y2={height - axis} />
            )}
          </svg>
          <figcaption>
            Builds above, cells below, in the order in which they started.
            {cells.flat().some(({ brought }) => brought !== null) ? ' Pale: its images are brought to its engine.' : ''}
            {lowerBoundMs === null
              ? ''
              : ' The dashed line: the longest chain of an image and the cell that waited for it.'}
          </figcaption>
        </figure>
      )}
    </Section>
  )
}

const Bar = (bar: {
  readonly from: number
  readonly to: number
  readonly y: number
  readonly look: Span['look'] | 'brought'
}) => (
  <rect
    class={`span ${bar.look}`}
    x={bar.from.toFixed(1)}
    y={bar.y}
    width={Math.max(1.5, bar.to - bar.from).toFixed(1)}
    height={lane - 2}
    rx="2"
  />
)

function buildsTold({ complete, builds, timing: { buildMs } }: RunRecord): string {
  if (builds.every(({ cached, outcome }) => cached && outcome === 'pass')) return 'nothing had to be built'
  return complete ? formatDuration(buildMs) : 'not known'
}

function distributionTold({ complete, timing }: RunRecord): string {
  if (!complete) return 'not known'
  const { distributeMs, bytesDistributed, imagesFetched = 0 } = timing
  if (distributeMs === 0 && bytesDistributed === 0 && imagesFetched === 0) return 'nothing had to be brought'
  const sent = bytesDistributed === 0 && imagesFetched > 0 ? [] : [bytes(bytesDistributed)]
  const fetched = imagesFetched === 0 ? [] : [`${counted(imagesFetched, 'image')} from a registry`]
  return [formatDuration(distributeMs), ...sent, ...fetched].join(', ')
}

function buildSpan(build: RunRecord['builds'][number]): readonly Span[] {
  const { stack, startMs, durationMs } = build
  return startMs === null
    ? []
    : [
        {
          name: `build ${stack}`,
          startMs,
          endMs: startMs + durationMs,
          look: build.outcome === 'pass' ? 'build' : 'fail',
          brought: null,
        },
      ]
}

const none = { startMs: 0, durationMs: 0 }

function cellSpan(cell: RunRecord['cells'][number]): readonly Span[] {
  // Its images are brought before it is let in; it may wait for its turn between the two.
  const starts = cell.phases.flatMap(({ name, startMs }) => (name === 'distribute' ? [] : [startMs]))
  if (starts.length === 0) return []
  const startMs = Math.min(...starts)
  const { durationMs: bringingMs, startMs: bringingAt } = cell.phases.find(({ name }) => name === 'distribute') ?? none
  const brought = bringingMs < 1 ? null : { startMs: bringingAt, endMs: bringingAt + bringingMs }
  return [{ name: cell.id, startMs, endMs: startMs + cell.durationMs, look: lookOf(cell), brought }]
}

const beginning = ({ startMs, brought }: Span): number => Math.min(startMs, brought?.startMs ?? startMs)

/** Each span in the first lane that is free when it starts. */
function lanesOf(spans: readonly Span[]): readonly (readonly Span[])[] {
  const lanes: Span[][] = []
  for (const span of spans.toSorted((a, b) => beginning(a) - beginning(b))) {
    const free = lanes.find((taken) => (taken.at(-1)?.endMs ?? 0) <= beginning(span))
    if (free) free.push(span)
    else lanes.push([span])
  }
  return lanes
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200].map((seconds) => seconds * 1000)

function ticks(endMs: number): readonly number[] {
  const step = steps.find((ms) => endMs / ms <= 8) ?? endMs / 4
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, index) => index * step).filter(
    (ms) => ms <= endMs * 0.97,
  )
}
