/** The report as one file: no request, no inline style, and a policy that allows nothing but its own two hashes. */
import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { renderToString } from 'preact-render-to-string'
import { oneLine, printable } from '../../lib/printable.ts'
import type { RunRecord } from '../../model/run-record.ts'
import { verdictSentence } from '../sentence.ts'
import { CellPage } from './cell-page.tsx'
import { Environments, Stacks, Waivers } from './facts.tsx'
import { words } from './looks.ts'
import { Matrix } from './matrix.tsx'
import { Section } from './parts.tsx'
import { Review } from './review.tsx'
import { Summary } from './summary.tsx'
import { Timeline } from './timeline.tsx'
import { Trends } from './trends.tsx'
import { type CellView, type Filling, type HtmlContext, type ReportView, viewOf, wholeFilling } from './view.ts'

/** Beyond this a browser, a mail server and a reader give up. */
const pageBytes = 25 * 1024 * 1024
/** The most first. What is left out of the page stays in files beside it. */
const fillings: readonly Filling[] = [
  wholeFilling,
  { ...wholeFilling, logs: false },
  { logs: false, plainCells: 30, packed: true },
  { logs: false, plainCells: 0, packed: false },
]

interface HtmlOptions {
  /**
   * `separate`: style and script are the files report.css and island.js beside it, for servers whose policy forbids
   * inline ones
   */
  readonly layout?: 'one-file' | 'separate'
  /** Where it would be larger, it has less in it. */
  readonly maxBytes?: number
}

export function renderHtml(run: RunRecord, context: HtmlContext, options: HtmlOptions = {}): string {
  const { layout = 'one-file', maxBytes = pageBytes } = options
  let html = ''
  for (const filling of fillings) {
    html = filledHtml(viewOf(run, context, filling), context, layout)
    if (Buffer.byteLength(html) <= maxBytes) break
  }
  return html
}

function filledHtml(view: ReportView, context: HtmlContext, layout: 'one-file' | 'separate'): string {
  const { run } = view
  const { style, script } = context.assets
  const separate = layout === 'separate'
  const policy = [
    "default-src 'none'",
    `style-src ${separate ? "'self'" : `'${hashOf(style)}'`}`,
    `script-src ${separate ? "'self'" : `'${hashOf(script)}'`}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const head = renderToString(
    <head>
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content={policy} />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="referrer" content="no-referrer" />
      <title>{`Matrix: ${verdictSentence(run)}`}</title>
      <link rel="icon" href={icon(run)} />
      {separate ? <link rel="stylesheet" href="report.css" /> : null}
    </head>,
  )
  const body = renderToString(<Page view={view} />)
  const later = laterCells(view)
  // Neither text may end its element early; both are built, and hold no "</".
  return [
    '<!doctype html>',
    `<html lang="en">${separate ? head : head.replace('</head>', () => `<style>${style}</style></head>`)}`,
    `<body>${body}`,
    later === null ? '' : `<script type="text/plain" id="later">${later}</script>`,
    separate ? '<script src="island.js"></script></body></html>' : `<script>${script}</script></body></html>`,
    '',
  ].join('\n')
}

const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`

const Page = ({ view }: { readonly view: ReportView }) => {
  const { run } = view
  return (
    <>
      <a class="skip" href="#review">
        To what needs review
      </a>
      <Summary view={view} />
      <nav class="bar-nav" aria-label="Parts of the report">
        <div class="page">
          <ul>
            {[
              ['review', 'Review'],
              ['matrix', 'Matrix'],
              ['environments', 'Environments'],
              ['stacks', 'Stacks'],
              ['waivers', 'Waivers'],
              ['run', 'Run'],
              ...(view.runs.filter(({ part }) => !part).length < 2 ? [] : [['trends', 'Trends']]),
            ].map(([id, title]) => (
              <li key={id}>
                <a href={`#${id}`}>{title}</a>
              </li>
            ))}
          </ul>
          <div id="tools" />
        </div>
      </nav>
      <main class="page">
        <Review view={view} />
        <Matrix view={view} />
        <Cells view={view} />
        <Environments run={run} />
        <Stacks view={view} />
        <Waivers run={run} />
        <Timeline run={run} />
        <Trends runs={view.runs} />
      </main>
      <footer class="page">
        <p>
          {printable(run.tool.name)} {printable(run.tool.version)}, run {run.id}. Beside this file: run.json,
          events.jsonl, junit.xml, ctrf.json, summary.md and evidence/.
        </p>
      </footer>
    </>
  )
}

const Cells = ({ view }: { readonly view: ReportView }) => {
  const { plain, later } = divided(view)
  return (
    <Section id="cells" title="Cells" lead={leftOut(view.filling, later.length)}>
      <Unanswered cells={later} />
      <div id="pages">
        {plain.map((cell) => (
          <article
            key={cell.cell.id}
            id={cell.cell.id}
            class={`cell-page ${cell.look}`}
            aria-labelledby={`title-${cell.cell.id}`}
            tabIndex={-1}
          >
            {isFolded(cell) ? <Folded view={cell} /> : <CellPage view={cell} />}
          </article>
        ))}
      </div>
    </Section>
  )
}

/** What is not in this page, and where it is. */
function leftOut({ logs, packed }: Filling, later: number): string | undefined {
  const notes = [
    ...(logs ? [] : ['The logs are not in this page, which they would make too large: they are files in evidence/.']),
    ...(later === 0
      ? []
      : packed
        ? [`The pages of ${later} more cells open from the matrix, by script.`]
        : [`The pages of ${later} cells are not in it either: all that is known of them is in run.json.`]),
  ]
  return notes.length === 0 ? undefined : notes.join(' ')
}

/** Of cells whose pages are packed, why they have no answer, so that it can be read without a script too. */
const Unanswered = ({ cells }: { readonly cells: readonly CellView[] }) => {
  const reasons = new Map<string, string[]>()
  for (const { cell, look } of cells) {
    if (look === 'pass') continue
    const why = `${words[look]}${cell.message === null ? '' : `: ${oneLine(cell.message)}`}`
    reasons.set(why, [...(reasons.get(why) ?? []), cell.id])
  }
  return (
    <ul class="plain">
      {[...reasons].map(([why, ids]) => (
        <li key={why}>
          <details>
            <summary>
              {ids.length === 1 ? '1 cell' : `${ids.length} cells`}, {why}
            </summary>
            <p class="note">{ids.join(', ')}</p>
          </details>
        </li>
      ))}
    </ul>
  )
}

const isFolded = ({ look }: CellView): boolean => look === 'pass' || look === 'excluded' || look === 'stale'

/** What passed, and what does not count any more, is one line until it is opened. */
const Folded = ({ view }: { readonly view: CellView }) => (
  <details class="fold">
    <summary>
      {view.cell.id}: {words[view.look]}
      {view.cell.message === null ? '' : `, ${oneLine(view.cell.message)}`}
    </summary>
    <CellPage view={view} />
  </details>
)

function divided(view: ReportView): { readonly plain: readonly CellView[]; readonly later: readonly CellView[] } {
  const all = view.run.cells.flatMap((cell) => view.cells.get(cell.id) ?? [])
  const { plainCells } = view.filling
  if (all.length <= plainCells) return { plain: all, later: [] }
  const failures = new Set<string>()
  const [firsts, likes]: [CellView[], CellView[]] = [[], []]
  for (const one of all) {
    if (isFolded(one) || one.look === 'not-run') continue
    const failure = `${one.cell.outcome} ${one.cell.signature ?? one.cell.message}`
    // Of each failure one can be read at least.
    ;(failures.has(failure) ? likes : firsts).push(one)
    failures.add(failure)
  }
  const plain = new Set([...firsts, ...likes].slice(0, plainCells))
  return { plain: all.filter((one) => plain.has(one)), later: all.filter((one) => !plain.has(one)) }
}

/** The rest, deflated and in base64, so that nothing in it can be markup. */
function laterCells(view: ReportView): string | null {
  const { later } = divided(view)
  if (later.length === 0 || !view.filling.packed) return null
  return deflateRawSync(JSON.stringify(later), { level: 9 }).toString('base64')
}

const iconColors: Readonly<Record<RunRecord['outcome'], string>> = {
  pass: '#1a7f37',
  fail: '#cf222e',
  trouble: '#8250df',
  cancelled: '#6e7781',
  unknown: '#6e7781',
}

function icon(run: RunRecord): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="${iconColors[run.outcome]}"/><path d="M4 4h3v3H4zM9 4h3v3H9zM4 9h3v3H4z" fill="#fff"/><path d="M9 9h3v3H9z" fill="#fff" opacity=".4"/></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}
