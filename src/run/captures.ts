/** What a step takes out of what it saw, and a later step is given. */
import { queryJson } from '../checks/json-path.ts'
import type { Verdict } from '../checks/verdict.ts'
import { matchSafely } from '../lib/safe-regex.ts'
import type { Capture, Json, Step } from '../model/check.ts'
import type { Observation } from '../model/observation.ts'
import { fillPlaceholders } from '../model/placeholder.ts'

/** Null: everything was found. */
export async function capture(
  captures: Step['capture'],
  observation: Observation,
  into: Map<string, string>,
): Promise<Verdict | null> {
  for (const [name, how] of Object.entries(captures)) {
    const { value, doubt } = await captured(how, observation)
    if (value === undefined) {
      return {
        outcome: doubt === undefined ? 'fail' : 'error',
        reason: doubt === undefined ? 'mismatch' : 'unobservable',
        message: `nothing to capture as "${name}"${doubt === undefined ? '' : `: ${doubt}`}`,
        expected: { capture: how } as unknown as Json,
        actual: textOf(observation).slice(0, 2000),
      }
    }
    into.set(name, value)
  }
  return null
}

/** `doubt`: why it is not known that there is nothing. */
async function captured(
  how: Capture,
  seen: Observation,
): Promise<{ readonly value?: string; readonly doubt?: string }> {
  const found = (value: string | undefined) => (value === undefined ? {} : { value })
  if ('header' in how) return found(seen.kind === 'http' ? seen.headers[how.header.toLowerCase()] : undefined)
  if ('cookie' in how) return found(seen.kind === 'http' ? seen.cookies[how.cookie] : undefined)
  const part = isCut(seen) ? { doubt: 'only a part of what it said was kept' } : {}
  if ('regex' in how) {
    const result = await matchSafely(how.regex, textOf(seen))
    if (!result.ok) return { doubt: `${how.regex} could not be evaluated: ${result.message}` }
    return { ...part, ...found(result.match?.[1] ?? result.match?.[0] ?? undefined) }
  }
  const value = jsonOf(seen, how.jsonpath)
  return { ...part, ...found(value === undefined || typeof value === 'string' ? value : JSON.stringify(value)) }
}

function isCut(seen: Observation): boolean {
  switch (seen.kind) {
    case 'http':
    case 'tcp':
    case 'file':
      return seen.cutBytes > 0
    case 'exec':
      return seen.cutBytes.stdout > 0
    case 'sql':
      return seen.cutRows > 0
    case 'log':
      return seen.earlierCut || seen.cutLines.length > 0
    default:
      return false
  }
}

function jsonOf(seen: Observation, path: string): Json | undefined {
  if (seen.kind === 'sql') return queryJson(seen.rows, path)
  if (seen.kind === 'redis') return queryJson(seen.replies, path)
  try {
    return queryJson(JSON.parse(textOf(seen)) as Json, path)
  } catch {
    return undefined
  }
}

function textOf(seen: Observation): string {
  switch (seen.kind) {
    case 'http':
      return seen.body
    case 'exec':
      return seen.stdout
    case 'tcp':
      return seen.banner
    case 'log':
      return seen.lines.join('\n')
    case 'sql':
      return JSON.stringify(seen.rows)
    case 'redis':
      return JSON.stringify(seen.replies)
    case 'file':
      return seen.content ?? ''
    default:
      return ''
  }
}

/** Fills what was captured into every text of a step. */
export function fillIn<T>(value: T, captures: ReadonlyMap<string, string>): T {
  const fill = (entry: unknown): unknown => {
    if (typeof entry === 'string') return fillPlaceholders(entry, (name) => captures.get(name))
    if (Array.isArray(entry)) return entry.map(fill)
    if (entry !== null && typeof entry === 'object') {
      return Object.fromEntries(Object.entries(entry).map(([key, inner]) => [fill(key) as string, fill(inner)]))
    }
    return entry
  }
  return fill(value) as T
}
