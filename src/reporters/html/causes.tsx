/** Why a cell fails, as the search for its cause found it: the atoms, what ends it, and the probes that show it. */
import { counted } from '../../lib/counted.ts'
import { printable } from '../../lib/printable.ts'
import { amountOf } from '../../model/constraint.ts'
import type { CauseRecord, CellRecord, ProbeRecord, RemedyRecord } from '../../model/run-record.ts'
import { formatDuration } from '../duration.ts'
import { Badge, FactTable, Line, Lines } from './parts.tsx'

export const Causes = ({ cell }: { readonly cell: CellRecord }) => {
  const { causes, diagnosis, explanation } = cell
  if (causes.length === 0 && diagnosis === null) return null
  return (
    <>
      <h4>Cause</h4>
      {explanation === null ? (
        <p>Diagnosis: {diagnosis}.</p>
      ) : (
        <p>
          <Line text={explanation.summary} max={1000} />{' '}
          <span class="note">
            {explanation.summary.includes(explanation.confidence) ? null : <Line text={explanation.confidence} />}
            {explanation.complete ? '' : '; its time was over before the search ended'}
          </span>
        </p>
      )}
      {causes.map((cause) => (
        <Cause key={cause.constraints.join()} cause={cause} amongOthers={causes.length > 1} />
      ))}
      {explanation === null || explanation.probes.length === 0 ? null : <Probes probes={explanation.probes} />}
    </>
  )
}

/** `amongOthers`: the cell has other causes, which were lifted when a remedy was tried. */
const Cause = ({ cause, amongOthers }: { readonly cause: CauseRecord; readonly amongOthers: boolean }) => {
  const { constraints, threshold, confidence, remedy, reproduction } = cause
  return (
    <div class="callout cause">
      <p>
        {constraints.map((atom) => (
          <code key={atom}>{printable(atom)}</code>
        ))}
        {threshold === null ? null : (
          <span class="num">
            fails at {amountOf(threshold.key, threshold.failsAt)}, passes at{' '}
            {amountOf(threshold.key, threshold.passesAt)}
          </span>
        )}
      </p>
      {remedy === null ? null : <Remedy remedy={remedy} amongOthers={amongOthers} />}
      {reproduction === null ? null : (
        <details>
          <summary>By hand: a command that fails, and one that passes</summary>
          <pre class="copy">{printable(reproduction.fails)}</pre>
          <pre class="copy">{printable(reproduction.passes)}</pre>
          {reproduction.note === null ? null : (
            <p class="note">
              <Line text={reproduction.note} max={1000} />
            </p>
          )}
        </details>
      )}
      <p class="note">
        <Line text={confidence} />
      </p>
    </div>
  )
}

const Remedy = ({
  remedy: { relaxations, patch },
  amongOthers,
}: {
  readonly remedy: RemedyRecord
  readonly amongOthers: boolean
}) => (
  <>
    {relaxations.length === 0 ? null : (
      <>
        <p>
          {amongOthers ? 'Each of these alone ends this cause, and not the others:' : 'Each of these alone ends it:'}
        </p>
        <ul>
          {relaxations.map(({ change, passes }) => (
            <li key={change}>
              <strong>
                <Line text={change} />
              </strong>{' '}
              {tried(passes, amongOthers)}
            </li>
          ))}
        </ul>
      </>
    )}
    {patch === null ? null : (
      <>
        <p>
          Without a change to the environment, in <Line text={patch.file} /> {tried(patch.passes, amongOthers)}:
        </p>
        <Lines text={patch.yaml} />
      </>
    )}
  </>
)

function tried(passes: boolean | null, amongOthers: boolean): string {
  if (passes === null) return '(not tried)'
  const beside = amongOthers ? ' with the other causes lifted' : ''
  return `(tried${beside}: it ${passes ? 'passes' : 'does not pass'})`
}

const looks = { pass: 'pass', fail: 'fail', unresolved: 'error' } as const

const Probes = ({ probes }: { readonly probes: readonly ProbeRecord[] }) => (
  <details>
    <summary>{counted(probes.length, 'probe')}</summary>
    <FactTable label="Probes" heads={['Asked', 'Answer', 'Took']}>
      {probes.map((probe, index) => (
        <tr key={`${index} ${probe.purpose}`}>
          <th scope="row">
            <Line text={probe.purpose} />
          </th>
          <td>
            <Badge look={looks[probe.outcome]} text={probe.outcome} />{' '}
            {probe.message === null ? null : <Line text={probe.message} max={160} />}
          </td>
          <td class="num">{probe.from === null ? formatDuration(probe.durationMs) : `by ${probe.from}`}</td>
        </tr>
      ))}
    </FactTable>
  </details>
)
