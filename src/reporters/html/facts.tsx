/** Environments, stacks and waivers: side by side, what differs marked. */
import { oneLine, printable } from '../../lib/printable.ts'
import type { RequirementsRecord } from '../../model/requirements.ts'
import type { RunRecord } from '../../model/run-record.ts'
import { soonDays } from '../../model/waiver.ts'
import { formatDuration } from '../duration.ts'
import { bytes, FactTable, Line, Scroll, Section, when } from './parts.tsx'
import { handWords, needsHand } from './review.tsx'
import type { ReportView } from './view.ts'

export const Environments = ({ run }: { readonly run: RunRecord }) => {
  const facts = run.environments.map(factsOf)
  const names = [...new Set(facts.flatMap((one) => [...one.keys()]))]
  return (
    <Section
      id="environments"
      title="Environments"
      lead="What each engine says of itself. Marked: what is not the same everywhere."
    >
      <Scroll label="Environments side by side">
        <table class="facts wide">
          <thead>
            <tr>
              <td />
              {run.environments.map((environment) => (
                <th key={environment.id} scope="col" id={`env-${environment.id}`}>
                  {printable(environment.title)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name) => {
              const values = facts.map((one) => one.get(name) ?? null)
              const differs = new Set(values.filter((value) => value !== null)).size > 1
              return (
                <tr key={name} class={differs ? 'differs' : undefined}>
                  <th scope="row">
                    {name}
                    {differs ? <span class="hidden"> (differs)</span> : null}
                  </th>
                  {values.map((value, index) => (
                    <td key={run.environments[index]?.id}>{value === null ? '–' : <Fact text={value} />}</td>
                  ))}
                </tr>
              )
            })}
          </tbody>
        </table>
      </Scroll>
      {names.length === 0 ? <p class="note">No engine has answered.</p> : null}
    </Section>
  )
}

/** Breaks where a path or an address has its parts, and nowhere else. */
const Fact = ({ text }: { readonly text: string }) => (
  <span class="fact" dir="ltr">
    {oneLine(text, 80)
      .split(/(?<=[/:,@])/)
      .map((part, index) => [index === 0 ? null : <wbr />, part])}
  </span>
)

function factsOf(environment: RunRecord['environments'][number]): ReadonlyMap<string, string> {
  const facts = new Map<string, string>()
  for (const [name, value] of Object.entries(environment.engine ?? {})) facts.set(wordsOf(name), String(value))
  for (const [name, value] of Object.entries(environment.facts)) {
    const isSize = name.endsWith('Bytes') && typeof value === 'number'
    facts.set(wordsOf(name.replace(/Bytes$/, '')), isSize ? bytes(value) : String(value))
  }
  return facts
}

const names: Readonly<Record<string, string>> = {
  name: 'engine',
  apiVersion: 'API version',
  ociRuntime: 'OCI runtime',
  arch: 'architecture',
  cpus: 'CPUs',
}

/** `storageDriver`: storage driver. */
const wordsOf = (name: string): string =>
  names[name] ?? printable(name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`))

export const Stacks = ({ view }: { readonly view: ReportView }) => {
  const { run } = view
  const builds = new Map(run.builds.map((build) => [build.stack, build]))
  return (
    <Section id="stacks" title="Stacks" lead="One image a row, the same in every environment.">
      <FactTable label="Images and builds" heads={['Stack', 'Image', 'Size', 'Build', 'Needs', 'Passes in']} wide>
        {run.stacks.map((row) => {
          const cells = run.cells.filter((cell) => cell.stack === row.id && cell.outcome !== 'excluded')
          const build = builds.get(row.id) ?? builds.get(row.base)
          const needs = new Set(cells.flatMap((cell) => cell.needs.map((need) => need.stack)))
          return (
            <tr key={row.id} id={`stack-${row.id}`}>
              <th scope="row">
                {printable(row.title)}
                {row.title === row.id ? null : <span class="note"> {row.id}</span>}
              </th>
              <td>{row.image === null ? '–' : <code>{row.image.id.slice(7, 19)}</code>}</td>
              <td class="num">{row.image === null ? '–' : bytes(row.image.sizeBytes)}</td>
              <td class="short">
                {build === undefined
                  ? '–'
                  : build.outcome !== 'pass'
                    ? build.outcome
                    : build.cached
                      ? 'already built'
                      : formatDuration(build.durationMs)}
              </td>
              <td>{needs.size === 0 ? '–' : [...needs].join(', ')}</td>
              <td class="num">
                {cells.filter((cell) => cell.outcome === 'pass').length} of {cells.length}
              </td>
            </tr>
          )
        })}
      </FactTable>
      <Needed view={view} />
      {run.builds
        .filter((build) => build.outcome !== 'pass')
        .map((build) => (
          <div key={build.stack} class="callout warn">
            <p>
              <strong>The build of {build.stack} did not succeed.</strong>{' '}
              {build.message === null ? '' : <Line text={build.message} />}
            </p>
            {build.step === null ? null : (
              <p>
                <code>
                  <Line text={build.step} />
                </code>
              </p>
            )}
          </div>
        ))}
    </Section>
  )
}

/** What each stack needs of any environment; of what was not searched for, nothing is claimed. */
const Needed = ({ view: { run, requirements } }: { readonly view: ReportView }) => {
  const rows = run.stacks.filter(({ kind }) => kind === 'stack')
  const [known, unknown] = [
    rows.filter(({ id }) => requirements.has(id)),
    rows.filter(({ id }) => !requirements.has(id)),
  ]
  return (
    <>
      <h3>What they need of any environment</h3>
      {known.length === 0 ? null : (
        <FactTable
          label="What stacks need of any environment"
          heads={['Stack', 'The least that it passes with', 'Found']}
        >
          {known.map((row) => {
            const found = requirements.get(row.id)
            return found === undefined ? null : (
              <tr key={row.id}>
                <th scope="row">{printable(row.title)}</th>
                <td>
                  <ul class="needs">
                    {found.rows.map(({ what, least }) => (
                      <li key={what}>
                        <span class="note">{oneLine(what)}</span> {oneLine(least)}
                      </li>
                    ))}
                  </ul>
                  {remarkOn(found) === null ? null : <p class="note">{remarkOn(found)}</p>}
                </td>
                <td>
                  <span class="num">{when(found.startedAt)}</span>
                  <p class="note">
                    {found.imageId === null ? 'image not known' : <code>{found.imageId.slice(7, 19)}</code>}
                    {found.imageId === null || found.imageId === row.image?.id
                      ? ''
                      : ', which is not the one of this run'}
                    {found.engine === null ? '' : `, on ${oneLine(found.engine)}`}
                  </p>
                </td>
              </tr>
            )
          })}
        </FactTable>
      )}
      {unknown.length === 0 ? null : (
        <p class="note">
          Not searched for{known.length === 0 ? ' yet' : ''}: {unknown.map(({ id }) => id).join(', ')}.{' '}
          <code>matrix requirements STACK</code> finds it.
        </p>
      )}
    </>
  )
}

function remarkOn({ together, complete }: RequirementsRecord): string | null {
  if (!complete) return 'The search did not come to its end, so that this may be more than it needs.'
  if (together === true) return null
  return together === null ? 'All of it at once was not tried.' : 'All of it at once is not enough.'
}

export const Waivers = ({ run }: { readonly run: RunRecord }) => (
  <Section id="waivers" title="Waivers" lead="Failures that somebody accepted for a time.">
    {run.waivers.length === 0 ? (
      <p>There are none.</p>
    ) : (
      <FactTable label="Waivers of this run" heads={['For', 'State', 'Owner', 'Reason', 'Ends', 'Declared at']} wide>
        {run.waivers.map((waiver) => (
          <tr key={waiver.at} class={needsHand(waiver) ? 'attention' : undefined}>
            <th scope="row">
              {waiver.match.stack}@{waiver.match.environment}
              {waiver.match.check === undefined ? null : (
                <span class="note">
                  {' '}
                  <Line text={waiver.match.check} />
                </span>
              )}
            </th>
            <td>{handWords(waiver)}</td>
            <td>
              <Line text={waiver.owner} />
            </td>
            <td>
              <Line text={waiver.reason} />
              {waiver.issue === null ? null : (
                <>
                  {' '}
                  <a href={waiver.issue} rel="noreferrer">
                    issue
                  </a>
                </>
              )}
            </td>
            <td class="num">
              {waiver.expires}
              {waiver.daysLeft >= 0 && waiver.daysLeft <= soonDays ? ' (soon)' : ''}
            </td>
            <td>{waiver.at}</td>
          </tr>
        ))}
      </FactTable>
    )}
  </Section>
)
