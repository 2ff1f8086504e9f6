/** The small things that every page of the report is made of. */
import type { ComponentChildren } from 'preact'
import { oneLine, printable } from '../../lib/printable.ts'
import { type Look, shapes, words } from './looks.ts'
import type { StripMark } from './view.ts'

/** Whatever a container, a file or a person wrote, on one line. */
export const Line = ({ text, max = 400 }: { readonly text: string; readonly max?: number }) => (
  <span class="line" dir="ltr">
    {oneLine(text, max)}
  </span>
)

/** The same with its line breaks. */
export const Lines = ({ text, max = 4000 }: { readonly text: string; readonly max?: number }) => (
  <pre class="value" dir="ltr">
    {printable(text.length <= max ? text : `${text.slice(0, max)}…`)}
  </pre>
)

export const Badge = ({ look, text }: { readonly look: Look; readonly text?: string }) => (
  <span class={`badge ${look}`}>
    <span class="shape" aria-hidden="true">
      {shapes[look]}
    </span>
    {text ?? words[look]}
  </span>
)

export const Section = ({
  id,
  title,
  lead,
  children,
}: {
  readonly id: string
  readonly title: string
  readonly lead?: string | undefined
  readonly children: ComponentChildren
}) => (
  <section id={id} aria-labelledby={`${id}-title`}>
    <h2 id={`${id}-title`}>{title}</h2>
    {lead === undefined ? null : <p class="lead">{lead}</p>}
    {children}
  </section>
)

/** Wide content scrolls by itself, also by keyboard. */
export const Scroll = ({ label, children }: { readonly label: string; readonly children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
  <section class="scroll" tabIndex={0} aria-label={label}>
    {children}
  </section>
)

/** A table of facts, a row each, that scrolls by itself where there is no room. */
export const FactTable = ({
  label,
  heads,
  wide = false,
  children,
}: {
  readonly label: string
  readonly heads: readonly string[]
  readonly wide?: boolean
  readonly children: ComponentChildren
}) => (
  <Scroll label={label}>
    <table class={wide ? 'facts wide' : 'facts'}>
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </Scroll>
)

const step = 4
const markWidth = 3
const markHeight = 10

/** A mark a run, drawn as one path a kind: pass stands low, everything else stands high. */
export const Strip = ({ marks }: { readonly marks: readonly StripMark[] }) => {
  if (marks.length < 2) return null
  const paths = new Map<Look, string>()
  for (const [index, mark] of marks.entries()) {
    const height = mark.look === 'pass' ? markHeight / 2 : markHeight
    const path = `M${index * step} ${markHeight - height}h${markWidth}v${height}h-${markWidth}z`
    paths.set(mark.look, `${paths.get(mark.look) ?? ''}${path}`)
  }
  const width = marks.length * step
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${width} ${markHeight}`}
      width={width}
      height={markHeight}
      preserveAspectRatio="xMinYMax"
      aria-hidden="true"
    >
      {[...paths].map(([look, path]) => (
        <path key={look} class={look} d={path} />
      ))}
    </svg>
  )
}

/** The same strip, told. */
export function stripWords(marks: readonly StripMark[]): string {
  const counts = new Map<string, number>()
  for (const { look } of marks) counts.set(words[look], (counts.get(words[look]) ?? 0) + 1)
  return `Of its last ${marks.length} runs: ${[...counts].map(([word, count]) => `${count} ${word}`).join(', ')}.`
}

/** A time of UTC as people read it. */
export const when = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`
  if (count < 1024 ** 2) return `${Math.round(count / 1024)} KiB`
  return count < 1024 ** 3 ? `${Math.round(count / 1024 ** 2)} MiB` : `${(count / 1024 ** 3).toFixed(1)} GiB`
}
