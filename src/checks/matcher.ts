/** Judges one value against one matcher. */
import { oneLine } from '../lib/printable.ts'
import { matchSafely } from '../lib/safe-regex.ts'
import type { Json, Matcher, MatcherMap } from '../model/check.ts'

/** `error`: the matcher could not be evaluated, which says nothing about the value. */
export type Match = { readonly outcome: 'pass' } | { readonly outcome: 'fail' | 'error'; readonly message: string }

const pass: Match = { outcome: 'pass' }
const fail = (message: string): Match => ({ outcome: 'fail', message })

/** `undefined` stands for a value that is not there. A scalar asks for strict, typed equality; a map ANDs its keys. */
export async function match(matcher: Matcher, value: Json | undefined): Promise<Match> {
  if (matcher === null || typeof matcher !== 'object') return equal(matcher, value)
  for (const [operator, operand] of Object.entries(matcher) as [keyof MatcherMap, Json][]) {
    const result = await apply(operator, operand, value)
    if (result.outcome !== 'pass') return result
  }
  return pass
}

async function apply(operator: keyof MatcherMap, operand: Json, value: Json | undefined): Promise<Match> {
  switch (operator) {
    case 'exists':
      return (value !== undefined) === operand
        ? pass
        : fail(operand === true ? 'it is not there' : `it is there: ${show(value)}`)
    case 'equals':
      return equal(operand, value)
    case 'not': {
      const inner = await match(operand as Matcher, value)
      if (inner.outcome === 'error') return inner
      return inner.outcome === 'fail' ? pass : fail(`expected not ${show(operand)}, found ${show(value)}`)
    }
    case 'any_of':
      return anyOf(operand as readonly Matcher[], value)
    case 'one_of':
      return (operand as readonly Json[]).some((choice) => same(choice, value))
        ? pass
        : fail(`expected one of ${show(operand)}, found ${show(value)}`)
    case 'each':
      return each(operand as Matcher, value)
    case 'length':
      return length(operand as Matcher, value)
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return compare(operator, Number(operand), value)
    case 'contains':
    case 'starts_with':
    case 'ends_with':
    case 'matches':
      return text(operator, operand, value)
  }
}

const equal = (expected: Json, value: Json | undefined): Match =>
  same(expected, value) ? pass : fail(`expected ${show(expected)}, found ${show(value)}`)

async function anyOf(choices: readonly Matcher[], value: Json | undefined): Promise<Match> {
  const messages: string[] = []
  for (const choice of choices) {
    const result = await match(choice, value)
    if (result.outcome !== 'fail') return result
    messages.push(result.message)
  }
  return fail(`none holds: ${messages.join('; ')}`)
}

async function each(matcher: Matcher, value: Json | undefined): Promise<Match> {
  if (!Array.isArray(value)) return fail(`expected a list, found ${show(value)}`)
  // Nothing was observed of an empty list.
  if (value.length === 0) return fail('expected each element to match, found an empty list')
  for (const [index, element] of (value as readonly Json[]).entries()) {
    const result = await match(matcher, element)
    if (result.outcome !== 'pass') return { ...result, message: `element ${index}: ${result.message}` }
  }
  return pass
}

async function length(matcher: Matcher, value: Json | undefined): Promise<Match> {
  const size =
    typeof value === 'string' || Array.isArray(value)
      ? value.length
      : value !== null && typeof value === 'object'
        ? Object.keys(value).length
        : undefined
  if (size === undefined) return fail(`${show(value)} has no length`)
  const result = await match(matcher, size)
  return result.outcome === 'pass' ? pass : { ...result, message: `length: ${result.message}` }
}

function compare(operator: 'gt' | 'gte' | 'lt' | 'lte', limit: number, value: Json | undefined): Match {
  if (typeof value !== 'number') return fail(`expected a number, found ${show(value)}`)
  const holds = { gt: value > limit, gte: value >= limit, lt: value < limit, lte: value <= limit }[operator]
  const sign = { gt: '>', gte: '≥', lt: '<', lte: '≤' }[operator]
  return holds ? pass : fail(`expected ${sign} ${limit}, found ${value}`)
}

/** On a list it holds if some element satisfies it, a row by one of its columns; `contains` also if the list has an equal element. */
async function text(
  operator: 'contains' | 'starts_with' | 'ends_with' | 'matches',
  operand: Json,
  value: Json | undefined,
): Promise<Match> {
  if (Array.isArray(value)) {
    if (operator === 'contains' && (value as readonly Json[]).some((element) => same(operand, element))) return pass
    for (const element of (value as readonly Json[]).flatMap(texts)) {
      const result = await text(operator, operand, element)
      if (result.outcome !== 'fail') return result
    }
    return fail(`expected an element that ${phrase(operator)} ${show(operand)}, found ${show(value)}`)
  }
  if (typeof value !== 'string')
    return fail(`expected a text that ${phrase(operator)} ${show(operand)}, found ${show(value)}`)
  const wanted = String(operand)
  if (operator === 'matches') {
    const result = await matchSafely(wanted, value)
    if (!result.ok)
      return { outcome: 'error', message: `matches ${show(wanted)} could not be evaluated: ${result.message}` }
    return result.match ? pass : fail(`expected a text that matches ${show(wanted)}, found ${show(value)}`)
  }
  const holds = {
    contains: value.includes(wanted),
    starts_with: value.startsWith(wanted),
    ends_with: value.endsWith(wanted),
  }[operator]
  return holds ? pass : fail(`expected a text that ${phrase(operator)} ${show(operand)}, found ${show(value)}`)
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
