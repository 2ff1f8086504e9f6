/** The matrix: a real table, which a script makes a grid. */
import { printable } from '../../lib/printable.ts'
import type { CellRecord } from '../../model/run-record.ts'
import { unenforcedSentences } from '../sentence.ts'
import { changeWords, lookOf, shapes, words } from './looks.ts'
import { Line, Section, Strip } from './parts.tsx'
import type { CellView, ReportView } from './view.ts'

/** From so many columns on, cells show only their shape. */
const denseFrom = 12

export const Matrix = ({ view }: { readonly view: ReportView }) => {
  const { run } = view
  const dense = run.environments.length >= denseFrom
  const isStale = run.cells.some((cell) => cell.stale !== undefined)
  return (
    <Section id="matrix" title="The matrix">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <section class="scroll board" tabIndex={0} aria-label="The matrix, which scrolls">
        <table class={dense ? 'matrix dense' : 'matrix'} id="grid">
          <caption class="hidden">
            {run.stacks.length} rows in {run.environments.length} environments. A thick outline: changed since the run
            that it is compared with.
          </caption>
          <thead>
            <tr>
              <td />
              {run.environments.map((environment) => (
                <th key={environment.id} scope="col" data-id={environment.id}>
                  <a href={`#env-${environment.id}`}>
                    <span>{printable(environment.title)}</span>
                  </a>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {run.stacks.map((row) => (
              <tr key={row.id} data-id={row.id}>
                <th scope="row">
                  <a href={`#stack-${row.id}`}>{printable(row.title)}</a>
                </th>
                {run.environments.map((environment) => {
                  const cell = view.cells.get(`${row.id}@${environment.id}`)
                  return cell === undefined ? (
                    <td key={environment.id} class="outside">
                      <span class="hidden">not selected</span>
                    </td>
                  ) : (
                    <Cell key={environment.id} view={cell} dense={dense} />
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <Legend looks={isStale ? [...legend, 'stale'] : legend} />
      {unenforcedSentences(run).map((sentence) => (
        <p key={sentence} class="note">
          <Line text={sentence} />
        </p>
      ))}
    </Section>
  )
}

const Cell = ({ view, dense }: { readonly view: CellView; readonly dense: boolean }) => {
  const { cell, look } = view
  const change = cell.change === null ? null : changeWords[cell.change]
  return (
    <td>
      <a
        class={`cell ${look}${change === null ? '' : ` changed ${cell.change}`}`}
        href={`#${cell.id}`}
        data-cell={cell.id}
        aria-label={nameOf(view)}
      >
        <span class="answer" aria-hidden="true">
          <span class="shape">{shapes[look]}</span>
          {dense ? null : <span class="word">{words[look]}</span>}
          {cell.flaky ? <span class="flag">~</span> : null}
        </span>
        {cell.stale === undefined || dense ? null : (
          <span class="change" aria-hidden="true">
            then {words[lookOf(cell.stale.was)]}
          </span>
        )}
        {change === null || dense ? null : (
          <span class="change" aria-hidden="true">
            {change}
          </span>
        )}
        <Strip marks={view.strip} />
      </a>
    </td>
  )
}

/** `api on qa-server: fail, new, not waived`. */
export function nameOf({ cell, look }: { readonly cell: CellRecord; readonly look: CellView['look'] }): string {
  const change = cell.change === null ? null : changeWords[cell.change]
  const parts: string[] = [look === 'known' ? 'fail' : words[look]]
  if (cell.stale !== undefined) parts.push(`then ${words[lookOf(cell.stale.was)]}`)
  if (change !== null) parts.push(change)
  if (cell.observedIn !== null) parts.push('in an earlier run')
  if (cell.flaky) parts.push('flaky')
  if (cell.outcome === 'fail') parts.push(cell.waiver === null ? 'not waived' : 'waived')
  return `${cell.stack} on ${cell.environment}: ${parts.join(', ')}`
}

const Legend = ({ looks }: { readonly looks: readonly (keyof typeof meanings)[] }) => (
  <ul class="legend" aria-label="What the signs mean">
    {looks.map((look) => (
      <li key={look}>
        <span class={`key ${look}`} aria-hidden="true">
          {shapes[look]}
        </span>
        {meanings[look]}
      </li>
    ))}
    <li>
      <span class="key pass changed" aria-hidden="true">
        {shapes.pass}
      </span>
      changed
    </li>
  </ul>
)

const legend = ['pass', 'fail', 'known', 'error', 'blocked', 'not-run', 'excluded'] as const
const meanings = {
  pass: 'passes',
  fail: 'fails',
  known: 'fails, and is waived',
  error: 'could not be observed',
  blocked: 'its image was not built',
  'not-run': 'did not run',
  stale: 'answered once, which does not count any more',
  excluded: 'excluded',
} as const
