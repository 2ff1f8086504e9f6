/** Judges one value against one matcher. */
import { oneLine } from '../lib/printable.ts'
import { matchSafely } from '../lib/safe-regex.ts'
import type { Json, Matcher, MatcherMap } from '../model/check.ts'

/** `error`: the matcher could not be evaluated, which says nothing about the value. */
export type Match = { readonly outcome: 'pass' } | { readonly outcome: 'fail' | 'error'; readonly message: string }

/** Of a value not everything was seen: what is told of it holds only if nothing that was not seen could change that. */
export interface Cut {
  /** What was not seen, for a reader, such as `4096 bytes were cut`. */
  readonly what: string
  /** The end of the text, or some elements of the list, were not seen; of a number it is known that it is no smaller. */
  readonly missing: boolean
  /** Elements of the list whose own ends were not seen. */
  readonly ends?: ReadonlySet<number>
}

const pass: Match = { outcome: 'pass' }
const fail = (message: string): Match => ({ outcome: 'fail', message })
const undecided = (asked: string, cut: Cut): Match => ({
  outcome: 'error',
  message: `${asked} cannot be told from what was seen: ${cut.what}`,
})

/**
 * `undefined` stands for a value that is not there. A scalar asks for strict, typed equality; a map ANDs its keys.
 * A failure outweighs what could not be evaluated, since nothing could mend it.
 */
export async function match(matcher: Matcher, value: Json | undefined, cut?: Cut): Promise<Match> {
  if (matcher === null || typeof matcher !== 'object') return equal(matcher, value, cut)
  const operators = Object.entries(matcher) as [keyof MatcherMap, Json][]
  return all(operators, ([operator, operand]) => apply(operator, operand, { value, cut }))
}

interface Seen {
  readonly value: Json | undefined
  readonly cut: Cut | undefined
}

/** The first failure, else the first error, else a pass. */
async function all<T>(items: Iterable<T>, judge: (item: T) => Match | Promise<Match>): Promise<Match> {
  let worst = pass
  for (const item of items) {
    const result = await judge(item)
    if (result.outcome === 'fail') return result
    if (worst.outcome === 'pass') worst = result
  }
  return worst
}

/** A pass, else the first error, else the failures together. */
async function any<T>(
  items: Iterable<T>,
  judge: (item: T) => Match | Promise<Match>,
  none: (messages: readonly string[]) => Match,
): Promise<Match> {
  const messages: string[] = []
  let doubt: Match | undefined
  for (const item of items) {
    const result = await judge(item)
    if (result.outcome === 'pass') return result
    if (result.outcome === 'error') doubt ??= result
    else messages.push(result.message)
  }
  return doubt ?? none(messages)
}

async function apply(operator: keyof MatcherMap, operand: Json, seen: Seen): Promise<Match> {
  const { value, cut } = seen
  switch (operator) {
    case 'exists':
      return (value !== undefined) === operand
        ? pass
        : fail(operand === true ? 'it is not there' : `it is there: ${show(value)}`)
    case 'equals':
      return equal(operand, value, cut)
    case 'not': {
      const inner = await match(operand as Matcher, value, cut)
      if (inner.outcome === 'error') return inner
      return inner.outcome === 'fail' ? pass : fail(`expected not ${show(operand)}, found ${show(value)}`)
    }
    case 'any_of':
      return any(
        operand as readonly Matcher[],
        (choice) => match(choice, value, cut),
        (messages) => fail(`none holds: ${messages.join('; ')}`),
      )
    case 'one_of':
      return any(
        operand as readonly Json[],
        (choice) => equal(choice, value, cut),
        () => fail(`expected one of ${show(operand)}, found ${show(value)}`),
      )
    case 'each':
      return each(operand as Matcher, seen)
    case 'length':
      return length(operand as Matcher, seen)
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return compare(operator, Number(operand), seen)
    case 'contains':
    case 'starts_with':
    case 'ends_with':
    case 'matches':
      return text(operator, operand, seen)
  }
}

function equal(expected: Json, value: Json | undefined, cut: Cut | undefined): Match {
  const asked = `expected ${show(expected)}`
  if (cut !== undefined && mayEqual(expected, value, cut)) return undecided(asked, cut)
  return cut === undefined && same(expected, value) ? pass : fail(`${asked}, found ${show(value)}`)
}

/** Whether what was not seen could make them equal. */
function mayEqual(expected: Json, value: Json | undefined, cut: Cut): boolean {
  if (typeof value === 'string') return typeof expected === 'string' && expected.startsWith(value)
  if (typeof value === 'number') return typeof expected === 'number' && expected >= value
  if (!Array.isArray(value) || !Array.isArray(expected)) return false
  return cut.missing ? expected.length >= value.length : expected.length === value.length
}

const endOf = (cut: Cut | undefined, index: number): Cut | undefined =>
  cut?.ends?.has(index) === true ? { what: cut.what, missing: true } : undefined

async function each(matcher: Matcher, { value, cut }: Seen): Promise<Match> {
  if (!Array.isArray(value)) return fail(`expected a list, found ${show(value)}`)
  const told = await all((value as readonly Json[]).entries(), async ([index, element]) => {
    const result = await match(matcher, element, endOf(cut, index))
    return result.outcome === 'pass' ? result : { ...result, message: `element ${index}: ${result.message}` }
  })
  if (told.outcome === 'fail') return told
  if (cut?.missing === true) return undecided(`each element: ${show(matcher as Json)}`, cut)
  // Nothing was observed of an empty list.
  return value.length === 0 ? fail('expected each element to match, found an empty list') : told
}

async function length(matcher: Matcher, { value, cut }: Seen): Promise<Match> {
  const size =
    typeof value === 'string' || Array.isArray(value)
      ? value.length
      : value !== null && typeof value === 'object'
        ? Object.keys(value).length
        : undefined
  if (size === undefined) return fail(`${show(value)} has no length`)
  const result = await match(matcher, size, cut?.missing === true ? cut : undefined)
  return result.outcome === 'pass' ? pass : { ...result, message: `length: ${result.message}` }
}

function compare(operator: 'gt' | 'gte' | 'lt' | 'lte', limit: number, { value, cut }: Seen): Match {
  if (typeof value !== 'number') return fail(`expected a number, found ${show(value)}`)
  const holds = { gt: value > limit, gte: value >= limit, lt: value < limit, lte: value <= limit }[operator]
  const sign = { gt: '>', gte: '≥', lt: '<', lte: '≤' }[operator]
  const grows = operator === 'gt' || operator === 'gte'
  if (cut !== undefined && holds !== grows)
    return undecided(`expected ${sign} ${limit}, and no less than ${value}`, cut)
  return holds ? pass : fail(`expected ${sign} ${limit}, found ${value}`)
}

type TextOperator = 'contains' | 'starts_with' | 'ends_with' | 'matches'

/** On a list it holds if some element satisfies it, a row by one of its columns; `contains` also if the list has an equal element. */
async function text(operator: TextOperator, operand: Json, { value, cut }: Seen): Promise<Match> {
  if (Array.isArray(value)) {
    const elements = value as readonly Json[]
    if (operator === 'contains' && elements.some((element, at) => same(operand, element) && !endOf(cut, at)))
      return pass
    return any(
      elements.flatMap((element, at) => texts(element).map((part) => ({ value: part, cut: endOf(cut, at) }))),
      (part) => text(operator, operand, part),
      () => {
        const asked = `expected an element that ${phrase(operator)} ${show(operand)}`
        return cut?.missing === true ? undecided(asked, cut) : fail(`${asked}, found ${show(value)}`)
      },
    )
  }
  const asked = `expected a text that ${phrase(operator)} ${show(operand)}`
  if (typeof value !== 'string') return fail(`${asked}, found ${show(value)}`)
  const wanted = String(operand)
  if (operator === 'matches') {
    const known = cut === undefined ? value : certain(wanted, value)
    if (known === null) return undecided(asked, cut as Cut)
    const result = await matchSafely(wanted, known)
    if (!result.ok)
      return { outcome: 'error', message: `matches ${show(wanted)} could not be evaluated: ${result.message}` }
    if (result.match) return pass
    return cut === undefined ? fail(`${asked}, found ${show(value)}`) : undecided(asked, cut)
  }
  if (cut !== undefined && !isCertain(operator, wanted, value)) return undecided(asked, cut)
  const holds = {
    contains: value.includes(wanted),
    starts_with: value.startsWith(wanted),
    ends_with: value.endsWith(wanted),
  }[operator]
  return holds ? pass : fail(`${asked}, found ${show(value)}`)
}

/** Whether nothing that follows could change the answer. */
function isCertain(operator: Exclude<TextOperator, 'matches'>, wanted: string, seen: string): boolean {
  switch (operator) {
    case 'contains':
      return seen.includes(wanted)
    case 'starts_with':
      return seen.length >= wanted.length || !wanted.startsWith(seen)
    case 'ends_with':
      return false
  }
}

/** The part of a text without its end in which a match stays one whatever follows; null where there is none. */
function certain(pattern: string, seen: string): string | null {
  const looksAround = /\(\?<?[=!]/
  const looksAtEnd = /\$|\\[bB]/
  if (looksAround.test(pattern)) return null
  if (!looksAtEnd.test(pattern)) return seen
  // Where a line ends is known of all lines but the last.
  const end = seen.lastIndexOf('\n')
  return end < 0 ? null : seen.slice(0, end)
}

function texts(element: Json): readonly string[] {
  if (typeof element === 'string') return [element]
  if (element === null || typeof element !== 'object' || Array.isArray(element)) return []
  return Object.values(element).filter((column) => typeof column === 'string')
}

const phrase = (operator: string) => operator.replace('_', ' ')

/** Deep equality; the order of an object's keys does not matter, types do. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = a as Readonly<Record<string, Json>>
  const right = b as Readonly<Record<string, Json>>
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
  )
}

/** A value as a person reads it, on one line. */
export function show(value: Json | undefined): string {
  return value === undefined ? 'nothing' : oneLine(JSON.stringify(value), 240)
}
