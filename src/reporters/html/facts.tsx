/** Environments, stacks and waivers: side by side, what differs marked. */
import { printable } from '../../lib/printable.ts'
import type { RunRecord } from '../../model/run-record.ts'
import { soonDays } from '../../model/waiver.ts'
import { formatDuration } from '../duration.ts'
import { bytes, FactTable, Line, Scroll, Section } from './parts.tsx'
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
                    <td key={run.environments[index]?.id}>{value === null ? '–' : <Line text={value} max={80} />}</td>
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

function factsOf(environment: RunRecord['environments'][number]): ReadonlyMap<string, string> {
  const facts = new Map<string, string>()
  for (const [name, value] of Object.entries(environment.engine ?? {})) facts.set(wordsOf(name), String(value))
  for (const [name, value] of Object.entries(environment.facts)) {
    const isSize = name.endsWith('Bytes') && typeof value === 'number'
    facts.set(wordsOf(name.replace(/Bytes$/, '')), isSize ? bytes(value) : String(value))
  }
  return facts
}

/** `storageDriver`: storage driver. */
const wordsOf = (name: string): string =>
  name === 'name' ? 'engine' : printable(name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`))

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
                <span class="note"> {row.id}</span>
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
