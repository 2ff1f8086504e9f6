/** What needs review, a row a cause. */
import { soonDays, type WaiverUse } from '../../model/waiver.ts'
import { changeWords } from './looks.ts'
import { Badge, Line, Section } from './parts.tsx'
import { type ReviewGroup, reviewGroups } from './review-groups.ts'
import type { ReportView } from './view.ts'

const shownCells = 24
/** So many rows stand open; a reader who has more to look at begins with these. */
const openGroups = 10

export const Review = ({ view }: { readonly view: ReportView }) => {
  const groups = reviewGroups(view)
  const waivers = view.run.waivers.filter(needsHand)
  const { lost } = view.run
  const nothing = groups.length === 0 && waivers.length === 0 && lost.length === 0
  return (
    <Section id="review" title="Needs review">
      {nothing ? <p>Nothing: every cell passed or is accepted, and no waiver asks for a hand.</p> : null}
      <ol class="review">
        {groups.slice(0, openGroups).map((group) => (
          <Group key={group.key} group={group} />
        ))}
        {waivers.map((waiver) => (
          <li key={waiver.at} class="group waiver">
            <p class="head">
              <span class="tag">waiver</span>
              <strong>{handWords(waiver)}</strong>
            </p>
            <p class="note">
              {waiver.match.stack}@{waiver.match.environment}, <Line text={waiver.owner} />, {waiver.at}
            </p>
          </li>
        ))}
        {lost.length === 0 ? null : (
          <li class="group lost">
            <p class="head">
              <span class="tag">lost</span>
              <strong>The project does not have these cells any more</strong>
            </p>
            <p class="note">{lost.join(', ')}</p>
          </li>
        )}
      </ol>
      {groups.length <= openGroups ? null : (
        <details class="more">
          <summary>{groups.length - openGroups} more</summary>
          <ol class="review">
            {groups.slice(openGroups).map((group) => (
              <Group key={group.key} group={group} />
            ))}
          </ol>
        </details>
      )}
    </Section>
  )
}

const Group = ({ group }: { readonly group: ReviewGroup }) => {
  const more = group.cells.length - shownCells
  const change = group.change === null ? null : changeWords[group.change]
  return (
    <li class={`group ${group.look}`} data-cells={group.cells.map((view) => view.cell.id).join(' ')}>
      <p class="head">
        <Badge look={group.look} />
        {change === null ? null : <span class="tag">{change}</span>}
        <strong>
          <Line text={group.title} />
        </strong>
        <span class="num">{group.cells.length === 1 ? '1 cell' : `${group.cells.length} cells`}</span>
      </p>
      {group.detail === null ? null : (
        <p class="note">
          <Line text={group.detail} />
        </p>
      )}
      <ul class="cells">
        {group.cells.slice(0, shownCells).map(({ cell }) => (
          <li key={cell.id}>
            <a href={`#${cell.id}`}>{cell.id}</a>
            {cell.flaky ? ' (flaky)' : ''}
          </li>
        ))}
        {more > 0 ? <li>and {more} more</li> : null}
      </ul>
    </li>
  )
}

/** Whether somebody has to do something about a waiver. */
export const needsHand = (waiver: WaiverUse): boolean =>
  waiver.state === 'ended' ||
  waiver.state === 'passing' ||
  waiver.state === 'other-failure' ||
  waiver.daysLeft <= soonDays

export function handWords(waiver: WaiverUse): string {
  switch (waiver.state) {
    case 'ended':
      return `Ended on ${waiver.expires}`
    case 'passing':
      return 'What it covers passes: remove it'
    case 'other-failure':
      return 'It covers another failure than the one that is there'
    case 'absent':
      return 'It names no cell of this run'
    case 'unobserved':
      return 'Its cells gave no answer'
    case 'used':
      return waiver.daysLeft <= soonDays ? `Ends in ${waiver.daysLeft} days, on ${waiver.expires}` : 'In use'
  }
}
