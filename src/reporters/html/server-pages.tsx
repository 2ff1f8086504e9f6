/** What `matrix serve` shows beside the reports: the list of runs, and a run that is under way. No script is needed. */
import { renderToString } from 'preact-render-to-string'
import { oneLine } from '../../lib/printable.ts'
import type { RunRecord, RunState } from '../../model/run-record.ts'
import { formatDuration } from '../duration.ts'
import type { CellState } from '../grid.ts'
import type { LiveState } from '../live-state.ts'
import { verdictSentence } from '../sentence.ts'
import { type Look, shapes, words } from './looks.ts'
import { Badge, Line, Section, when } from './parts.tsx'

export interface ListedRun {
  readonly run: RunRecord
  readonly state: RunState
}

const looks: Readonly<Record<RunRecord['outcome'], Look>> = {
  pass: 'pass',
  fail: 'fail',
  trouble: 'error',
  cancelled: 'cancelled',
  unknown: 'not-run',
}

/** A run of which not everything counts today is neither green nor red. */
const lookOfRun = (run: RunRecord): Look =>
  run.cells.some(({ stale }) => stale !== undefined) ? 'stale' : looks[run.outcome]

export function renderRunList(runs: readonly ListedRun[], options: { readonly title: string }): string {
  return document(
    `Matrix: ${options.title}`,
    <>
      <header class="summary">
        <div class="page">
          <p class="kicker">{oneLine(options.title)}</p>
          <h1>Runs</h1>
        </div>
      </header>
      <main class="page">
        {runs.length === 0 ? <p>There is no run yet.</p> : null}
        <ol class="review">
          {runs.map(({ run, state }) => (
            <li key={run.id} class="group">
              <p class="head">
                {state === 'ended' ? <Badge look={lookOfRun(run)} /> : <span class="tag">{state}</span>}
                <strong>
                  <a href={state === 'under way' ? `/live/${run.id}` : `/${run.id}/index.html`}>{run.id}</a>
                </strong>
                <span class="num">{when(run.startedAt)}</span>
              </p>
              <p class="note">{verdictSentence(run)}</p>
            </li>
          ))}
        </ol>
      </main>
    </>,
  )
}

/** The browser asks again by itself, every other second, until the run is over. */
export const liveRefreshSeconds = 2

export function renderLivePage(
  live: LiveState,
  options: { readonly run: string; readonly elapsedMs: number; readonly over: boolean },
): string {
  const { grid, done, total, running } = live
  return document(
    `Matrix: ${done} of ${total}`,
    <>
      <header class="summary">
        <div class="page">
          <p class="kicker">
            <a href="/">Runs</a>
          </p>
          <h1>
            {done} of {total} cells answered
          </h1>
          <p role="status">
            {options.over ? 'The run is over: ' : `Under way for ${formatDuration(options.elapsedMs)}${toCome(live)}: `}
            <a href={`/${options.run}/index.html`}>{options.over ? 'its report' : 'what is known so far'}</a>
          </p>
          {options.over || live.notice === null ? null : (
            <p class="note">
              <Line text={live.notice} />
            </p>
          )}
        </div>
      </header>
      <main class="page">
        <section id="live" class="scroll board" aria-label="The matrix">
          <table class={grid.columns.length >= 12 ? 'matrix dense' : 'matrix'}>
            <thead>
              <tr>
                <td />
                {grid.columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {grid.rows.map((row) => (
                <tr key={row}>
                  <th scope="row">{row}</th>
                  {grid.columns.map((column) => (
                    <LiveCell
                      key={column}
                      state={grid.state(row, column)}
                      name={`${row} on ${column}`}
                      page={`/${options.run}/index.html#${row}@${column}`}
                    />
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        {running.length === 0 ? null : (
          <Section id="now" title="Now">
            <ul class="plain">
              {running.map(({ name, what, sinceMs }) => (
                <li key={name}>
                  {oneLine(name)}{' '}
                  <span class="note">
                    for {formatDuration(Math.max(0, options.elapsedMs - sinceMs))}: {oneLine(what)}
                  </span>
                </li>
              ))}
            </ul>
          </Section>
        )}
      </main>
    </>,
  )
}

/** Where every cell has answered the run may still look into what failed. */
function toCome({ done, total, expectedMs, grid }: LiveState): string {
  if (expectedMs !== null) return `, about ${formatDuration(expectedMs)} to go`
  const isRed = (row: string, column: string) => ['fail', 'error'].includes(grid.state(row, column) ?? '')
  const red = grid.rows.some((row) => grid.columns.some((column) => isRed(row, column)))
  return done === total && red ? ', what failed is looked into' : ''
}

interface LiveCellProps {
  readonly state: CellState | null
  readonly name: string
  /** Where more is told of it. */
  readonly page: string
}

const LiveCell = ({ state, name, page }: LiveCellProps) => {
  if (state === null) return <td />
  const look: Look = state === 'running' ? 'not-run' : state === 'waived' ? 'known' : state
  const word = state === 'running' ? 'running' : words[look]
  const answer = (
    <span class="answer">
      <span class="shape" aria-hidden="true">
        {state === 'running' ? '…' : shapes[look]}
      </span>
      <span class="word">{word}</span>
    </span>
  )
  return (
    <td>
      {look === 'not-run' ? (
        <span class={`cell ${look}`}>{answer}</span>
      ) : (
        <a class={`cell ${look}`} href={page} aria-label={`${name}: ${word}`}>
          {answer}
        </a>
      )}
    </td>
  )
}

function document(title: string, body: preact.JSX.Element): string {
  const head = renderToString(
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>{oneLine(title)}</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href="/report.css" />
    </head>,
  )
  return `<!doctype html>\n<html lang="en">${head}<body>${renderToString(body)}</body></html>\n`
}
