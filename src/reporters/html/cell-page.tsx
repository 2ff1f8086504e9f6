/** One cell, drilled down: why, what was seen, what changed, and what to do about it. */
import { printable } from '../../lib/printable.ts'
import { valueTold } from '../../model/constraint.ts'
import type { CellRecord, CheckRecord, ConstraintRecord } from '../../model/run-record.ts'
import { asObserved } from '../../model/staleness.ts'
import { formatDuration } from '../duration.ts'
import { troubleTold } from '../sentence.ts'
import { Causes } from './causes.tsx'
import { Log } from './log.tsx'
import { changeWords, checkLook, lookOf } from './looks.ts'
import { Badge, FactTable, Line, Lines, Strip, stripWords, when } from './parts.tsx'
import { Phases } from './phases.tsx'
import { Since } from './since.tsx'
import type { CellView } from './view.ts'

export const CellPage = ({ view }: { readonly view: CellView }) => {
  const cell = asObserved(view.cell)
  return (
    <>
      <header>
        <p class="kicker">
          <a href={`#env-${cell.environment}`}>{printable(view.environmentTitle)}</a>
        </p>
        <h3 id={`title-${cell.id}`}>{printable(view.rowTitle)}</h3>
        <p class="badges">
          <Badge look={view.look} />
          {cell.change === null || changeWords[cell.change] === null ? null : (
            <span class="tag">{changeWords[cell.change]}</span>
          )}
          {cell.flaky ? <span class="tag">flaky</span> : null}
          {cell.stage === null ? null : <span class="tag">at {cell.stage}</span>}
          {cell.reason === null ? null : <span class="tag">{cell.reason}</span>}
          <span class="num">{formatDuration(cell.durationMs)}</span>
        </p>
      </header>
      <Stale cell={view.cell} />
      {cell.message === null ? null : <Lines text={cell.message} />}
      {cell.observedIn === null ? null : (
        <p class="callout">
          It did not run again, for nothing that its answer depends on has changed since{' '}
          <a href={`../${cell.observedIn.run}/index.html#${cell.observedIn.cell}`}>{cell.observedIn.run}</a> (
          {when(cell.observedIn.startedAt)}), where all that was observed of it is.
        </p>
      )}
      <Waived view={view} />
      {cell.troubles.map((trouble, index) => (
        <p key={String(index)} class="note">
          <Line text={`Tried again, for ${troubleTold(trouble)}`} />
        </p>
      ))}
      <Again cell={cell} />
      <Causes cell={cell} />
      <Since since={view.since} cell={cell.id} />
      <Checks checks={cell.checks} />
      {view.logs.length === 0 ? null : <h4>Evidence</h4>}
      {view.logs.map((log) => (
        <Log key={`${log.file} ${log.name}`} log={log} />
      ))}
      {cell.phases.length === 0 ? null : <h4>Time</h4>}
      <Phases phases={cell.phases} />
      <Constraints constraints={cell.constraints} />
      <Needs cell={cell} />
      <Where cell={cell} />
      {cell.findings.length === 0 ? null : (
        <>
          <h4>To know</h4>
          <ul class="plain">
            {cell.findings.map((finding) => (
              <li key={finding.message}>
                <Line text={finding.message} />
              </li>
            ))}
          </ul>
        </>
      )}
      {view.strip.length < 2 ? null : (
        <>
          <h4>Earlier runs</h4>
          <p class="earlier">
            <Strip marks={view.strip} />
            <span>
              {stripWords(view.strip)}
              {view.flakeRate === null || view.flakeRate === 0
                ? null
                : ` ${Math.round(view.flakeRate * 100)} % of its answers changed while nothing else did.`}
            </span>
          </p>
        </>
      )}
      <ToDo view={view} />
    </>
  )
}

const Stale = ({ cell: { stale } }: { readonly cell: CellRecord }) =>
  stale === undefined ? null : (
    <p class="callout warn">
      In this run: <Badge look={lookOf(stale.was)} />. That does not count any more, for {stale.why}; below is what was
      seen then.
    </p>
  )

const Waived = ({ view }: { readonly view: CellView }) => {
  const { waiver } = view.cell
  return (
    <>
      {waiver === null ? null : (
        <p class="callout">
          Waived by <Line text={waiver.owner} /> until {waiver.expires}: <Line text={waiver.reason} />
        </p>
      )}
      {view.idleWaivers.map((text) => (
        <p key={text} class="callout warn">
          <Line text={text} />
        </p>
      ))}
    </>
  )
}

const Again = ({ cell }: { readonly cell: CellRecord }) => {
  if (cell.again.length === 0) return null
  const told = cell.again.map((attempt) => attempt.outcome).join(', ')
  return (
    <p class="note">
      Run again alone: {told}. {cell.flaky ? 'Its answers differ though nothing else does.' : 'It stays so.'}
    </p>
  )
}

const Checks = ({ checks }: { readonly checks: readonly CheckRecord[] }) => {
  if (checks.length === 0) return null
  const none = checks.every((check) => check.outcome === 'not-run')
  return (
    <>
      <h4>Checks</h4>
      {none ? (
        <details>
          <summary>It did not come to its {checks.length === 1 ? 'check' : `${checks.length} checks`}</summary>
          <CheckList checks={checks} />
        </details>
      ) : (
        <CheckList checks={checks} />
      )}
    </>
  )
}

const CheckList = ({ checks }: { readonly checks: readonly CheckRecord[] }) => (
  <ul class="checks">
    {checks.map((check) => (
      <li key={check.name}>
        <Badge look={checkLook(check.outcome)} />
        <div>
          <p class="check">
            <strong>
              <Line text={check.name} />
            </strong>
            {check.outcome === 'not-run' ? null : <span class="num">{formatDuration(check.durationMs)}</span>}
          </p>
          <p class="note">
            {check.kind}
            {check.attempts > 1 ? `, ${check.attempts} attempts` : ''}, <Line text={check.at} />
          </p>
          {check.message === null ? null : (
            <p>
              <Line text={check.message} max={1000} />
            </p>
          )}
          {check.expected === null && check.actual === null ? null : (
            <Comparison check={check} open={check.outcome !== 'pass'} />
          )}
        </div>
      </li>
    ))}
  </ul>
)

const Comparison = ({ check, open }: { readonly check: CheckRecord; readonly open: boolean }) => (
  <details open={open}>
    <summary>Expected and found</summary>
    <dl class="sides">
      <div>
        <dt>Expected</dt>
        <dd>
          <Lines text={jsonOf(check.expected)} max={open ? 4000 : 600} />
        </dd>
      </div>
      <div>
        <dt>Found</dt>
        <dd>
          <Lines text={jsonOf(check.actual)} max={open ? 4000 : 600} />
        </dd>
      </div>
    </dl>
  </details>
)

const jsonOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2))

const Constraints = ({ constraints }: { readonly constraints: readonly ConstraintRecord[] }) =>
  constraints.length === 0 ? null : (
    <>
      <h4>Constraints</h4>
      <FactTable
        label="Constraints of this cell"
        heads={['Constraint', 'Declared', 'Observed', 'How far it can be believed']}
      >
        {constraints.map((one) => (
          <tr key={one.key} class={one.agrees === false ? 'differs' : undefined}>
            <th scope="row">
              <code>{printable(one.key)}</code>
            </th>
            <td>
              <Line text={valueTold(one.key, one.value)} max={120} />
            </td>
            <td>{one.observed === null ? '–' : <Line text={valueTold(one.key, one.observed)} max={120} />}</td>
            <td>
              {one.provenance}
              {one.agrees === false ? ', does not agree' : ''}
            </td>
          </tr>
        ))}
      </FactTable>
    </>
  )

const Needs = ({ cell }: { readonly cell: CellRecord }) =>
  cell.needs.length === 0 && cell.image === null ? null : (
    <>
      <h4>Images</h4>
      <ul class="plain">
        {cell.image === null ? null : (
          <li>
            <code>{cell.image.id.slice(0, 19)}</code> its own
          </li>
        )}
        {cell.needs.map((need) => (
          <li key={need.stack}>
            <code>{need.imageId.slice(0, 19)}</code> {need.stack}
            {need.outcome === 'pass' ? '' : ` (${need.outcome})`}
          </li>
        ))}
      </ul>
    </>
  )

const Where = ({ cell }: { readonly cell: CellRecord }) =>
  cell.ranOn === null && cell.placements.length === 0 ? null : (
    <>
      <h4>Where it ran</h4>
      {cell.ranOn === null ? null : (
        <p>
          <Line text={cell.ranOn} />
        </p>
      )}
      <ul class="plain">
        {cell.placements.map(({ container, machine }) => (
          <li key={`${container} ${machine}`}>
            <Line text={container} /> on <Line text={machine} />
          </li>
        ))}
      </ul>
    </>
  )

const ToDo = ({ view }: { readonly view: CellView }) => {
  const { cell } = view
  return (
    <>
      <h4>Reproduce</h4>
      <pre class="copy">{printable(view.reproduction)}</pre>
      {view.waiver === null ? null : (
        <details>
          <summary>Accept it for a time: a waiver to paste into waivers.yaml</summary>
          <pre class="copy">{printable(view.waiver)}</pre>
        </details>
      )}
      {cell.fingerprint === null ? null : (
        <p class="note">
          Fingerprint <code>{cell.fingerprint.slice(0, 15)}</code>
          {cell.signature === null ? null : (
            <>
              , signature <code>{cell.signature}</code>
            </>
          )}
        </p>
      )}
    </>
  )
}
