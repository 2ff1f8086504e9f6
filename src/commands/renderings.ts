/** What an earlier run is rendered as today, by the name of the format. */
import type { RunRecord } from '../model/run-record.ts'
import { renderBadge } from '../reporters/badge.ts'
import { renderCtrf } from '../reporters/ctrf.ts'
import { renderHtml } from '../reporters/html/html.tsx'
import { renderJson } from '../reporters/json.ts'
import { renderJunit } from '../reporters/junit.ts'
import { renderMarkdown } from '../reporters/markdown.ts'
import { renderMetrics } from '../reporters/metrics.ts'
import { htmlContext } from './report-context.ts'

/** @param shown what counts of the run today; its record stays as it was */
type Render = (run: RunRecord, shown: RunRecord, reports: string) => string
const shownAs =
  (render: (run: RunRecord) => string): Render =>
  (_, shown) =>
    render(shown)

export const formats = {
  html: (_, shown, reports) => renderHtml(shown, htmlContext(reports, shown)),
  json: renderJson,
  junit: shownAs(renderJunit),
  ctrf: shownAs(renderCtrf),
  markdown: shownAs(renderMarkdown),
  metrics: shownAs(renderMetrics),
  badge: shownAs(renderBadge),
} satisfies Readonly<Record<string, Render>>
