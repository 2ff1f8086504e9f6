/** What changed between two runs, as a table of befores and afters. */
import type { Difference, SincePass } from '../../model/differences.ts'
import { FactTable, Line, when } from './parts.tsx'

export const Since = ({ since, cell }: { readonly since: SincePass | null; readonly cell: string }) => {
  if (since === null) return null
  const { passed, failed, differences } = since
  return (
    <>
      <h4>Since it last passed</h4>
      <p>
        It passed in <code>{passed.run}</code> ({when(passed.startedAt)}), and not any more from{' '}
        <code>{failed.run}</code> ({when(failed.startedAt)}) on.
      </p>
      {differences === null ? (
        <p class="note">The record of one of these runs is gone, so that what changed is not known.</p>
      ) : differences.length === 0 ? (
        <p class="callout warn">Nothing that it depends on changed in between: this is drift, or a flake.</p>
      ) : (
        <Differences differences={differences} label={`What changed for ${cell}`} />
      )}
    </>
  )
}

const Differences = ({
  differences,
  label,
}: {
  readonly differences: readonly Difference[]
  readonly label: string
}) => (
  <FactTable label={label} heads={['What changed', 'Before', 'After']}>
    {differences.map(({ what, before, after }) => (
      <tr key={what}>
        <th scope="row">
          <Line text={what} />
        </th>
        <td>{before === null ? '–' : <Line text={before} />}</td>
        <td>{after === null ? '–' : <Line text={after} />}</td>
      </tr>
    ))}
  </FactTable>
)
