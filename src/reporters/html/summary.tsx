/** The first five seconds: a sentence, when, which commit, against what. */
import { oneLine, printable } from '../../lib/printable.ts'
import type { RunRecord } from '../../model/run-record.ts'
import { formatDuration } from '../duration.ts'
import { causesSentence, suspectSentences, verdictSentence } from '../sentence.ts'
import { type Look, shapes, words } from './looks.ts'
import { Line, when } from './parts.tsx'
import type { ReportView } from './view.ts'

const order: readonly Look[] = [
  'fail',
  'error',
  'blocked',
  'known',
  'cancelled',
  'not-run',
  'stale',
  'pass',
  'excluded',
]

const moods: Readonly<Record<RunRecord['outcome'], Look>> = {
  pass: 'pass',
  fail: 'fail',
  trouble: 'error',
  cancelled: 'cancelled',
  unknown: 'error',
}

export const Summary = ({ view }: { readonly view: ReportView }) => {
  const { run } = view
  const causes = causesSentence(run)
  const counts = new Map<Look, number>()
  for (const { look } of view.cells.values()) counts.set(look, (counts.get(look) ?? 0) + 1)
  return (
    <header class={`summary ${run.complete ? moods[run.outcome] : run.underWay ? 'cancelled' : 'error'}`}>
      <div class="page">
        <p class="kicker">Matrix report</p>
        <h1>{verdictSentence(run)}</h1>
        {run.complete ? null : (
          <p class="callout warn">
            {run.underWay
              ? 'What runs now or has not started yet is shown as not run; this page has what was known when it was made.'
              : 'The run was killed. What was in flight counts as not observed, and what did not start as not run; nothing here is green that was not seen to be.'}
          </p>
        )}
        {suspectSentences(run).map((sentence) => (
          <p key={sentence} class="callout warn">
            <Line text={sentence} max={600} />
          </p>
        ))}
        {causes === null ? null : (
          <p class="lead">
            <Line text={causes} max={600} />
          </p>
        )}
        <dl class="meta">
          <Fact name="Run" value={run.id} />
          <Fact name="Started" value={when(run.startedAt)} />
          <Fact name="Took" value={formatDuration(run.durationMs)} />
          <Fact name="Commit" value={commitOf(run)} />
          <Fact
            name="Compared with"
            value={run.baseline === null ? 'nothing: there is no run before it' : baselineWords(run.baseline)}
          />
          <Fact name="Exit code" value={run.exitCode === null ? 'none' : `${run.exitCode} (gate: ${run.gate})`} />
          {run.selection === 'part' ? <Fact name="Cells" value="only those that were selected" /> : null}
        </dl>
        <ul class="counts" aria-label="Cells by outcome">
          {order
            .filter((look) => counts.has(look))
            .map((look) => (
              <li key={look} class={`count ${look}`} data-token={`s:${look}`}>
                <span class="shape" aria-hidden="true">
                  {shapes[look]}
                </span>
                <strong>{counts.get(look)}</strong> {words[look]}
              </li>
            ))}
        </ul>
      </div>
    </header>
  )
}

const Fact = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{oneLine(value)}</dd>
  </div>
)

function commitOf(run: RunRecord): string {
  if (run.source === null) return 'not under version control'
  const { commit, branch, dirty } = run.source
  return printable(`${commit.slice(0, 12)}${branch === null ? '' : ` on ${branch}`}${dirty ? ', with edits' : ''}`)
}

const baselineWords = (baseline: NonNullable<RunRecord['baseline']>): string =>
  `${baseline.run} (${when(baseline.startedAt)})`
