/** Checks, their steps, and readiness. */
import { z } from 'zod'
import type { Matcher } from '../../model/check.ts'
import { coded, duration, forward } from './common.ts'
import { type KindName, kindNames, kinds } from './kinds.ts'
import { matcher, operatorMap, scalar } from './matcher.ts'

const captureForm = z.union([
  z.strictObject({ jsonpath: z.string() }),
  z.strictObject({ regex: z.string() }),
  z.strictObject({ header: z.string() }),
  z.strictObject({ cookie: z.string() }),
])

const common = {
  on: z.string().optional(),
  from: z.enum(['probe', 'client', 'container', 'host']).optional(),
  timeout: duration.default(10_000),
  eventually: duration.optional(),
  capture: z.record(z.string(), captureForm).default({}),
}

/** A step as it comes out of the definitions, before names are resolved. */
export interface ParsedStep {
  readonly act: Readonly<Record<string, unknown>> & { readonly kind: string }
  readonly on?: string | undefined
  readonly from?: 'probe' | 'client' | 'container' | 'host' | undefined
  readonly timeout: number
  readonly eventually?: number | undefined
  readonly capture: Readonly<Record<string, z.output<typeof captureForm>>>
}

/** What a step may be beside the kinds. */
const actions = {
  restart: z.union([z.null(), z.strictObject({})]).transform(() => ({})),
  signal: z.strictObject({ process: z.string().optional(), name: z.string() }).transform(({ process, name }) => ({
    signal: name,
    ...(process === undefined ? {} : { process }),
  })),
  get parallel() {
    return z
      .array(z.array(step).min(1))
      .min(1)
      .transform((branches) => ({ branches }))
  },
}
const actionNames = ['restart', 'signal', 'parallel'] as const

function kindStep(kind: KindName) {
  const { fields, expect } = kinds[kind]
  return z.strictObject({ [kind]: fields, expect: expect.optional(), ...common })
}

function parseOneOf(
  value: unknown,
  context: z.core.$RefinementCtx,
  allowed: readonly string[],
): { kind: string } | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    context.issues.push(coded('type', 'a map is expected here'))
    return null
  }
  const found = Object.keys(value).filter((key) => allowed.includes(key))
  if (found.length === 1 && found[0] !== undefined) return { kind: found[0] }
  const unknown = Object.keys(value).filter(
    (key) => !allowed.includes(key) && !(key in common) && key !== 'expect' && key !== 'name',
  )
  if (found.length === 0 && unknown.length > 0) {
    context.issues.push({ code: 'unrecognized_keys', keys: unknown, input: undefined, params: { allowed } } as never)
  } else {
    context.issues.push(
      coded(
        'kind',
        found.length === 0
          ? `no kind is given; one of ${allowed.join(', ')} is needed`
          : `exactly one kind is allowed, found ${found.join(' and ')}`,
      ),
    )
  }
  return null
}

/** Parses a step whose kind is known, `expect` filled in where the kind has a default. */
function parseKind(value: object, kind: string, context: z.core.$RefinementCtx): ParsedStep | null {
  if ((actionNames as readonly string[]).includes(kind)) {
    const shape = { [kind]: actions[kind as (typeof actionNames)[number]], on: common.on }
    const result = z.strictObject(shape).safeParse(value)
    if (!result.success) {
      forward(result.error.issues, context)
      return null
    }
    const data = result.data as Record<string, object> & { on?: string }
    return {
      act: { kind, ...data[kind] },
      ...(data.on === undefined ? {} : { on: data.on }),
      timeout: 10_000,
      capture: {},
    }
  }
  const form = kindStep(kind as KindName)
  const result = form.safeParse(value)
  if (!result.success) {
    forward(result.error.issues, context, ([first, ...rest]) => {
      if (first === undefined) return Object.keys(form.shape)
      return first === 'expect' && rest.length === 0 ? Object.keys(kinds[kind as KindName].expect.shape) : undefined
    })
    return null
  }
  const { expect, on, from, timeout, eventually, capture, ...rest } = result.data as Record<string, unknown> &
    z.output<z.ZodObject<typeof common>> & { expect?: Record<string, unknown> }
  const { fallback } = kinds[kind as KindName]
  const filled =
    kind === 'http' ? { ...(expect?.['status'] === undefined ? fallback : {}), ...expect } : { ...fallback, ...expect }
  if (Object.keys(filled).length === 0) {
    context.issues.push(
      coded(
        'empty-expect',
        `nothing is expected of ${kind}, so nothing is asserted; expect one of ${Object.keys(kinds[kind as KindName].expect.shape).join(', ')}`,
      ),
    )
    return null
  }
  return { act: { kind, ...(rest[kind] as object), expect: filled }, on, from, timeout, eventually, capture }
}

const step: z.ZodType<ParsedStep> = z.any().transform((value, context): ParsedStep => {
  const one = parseOneOf(value, context, [...kindNames, ...actionNames])
  return (one && parseKind(value as object, one.kind, context)) ?? z.NEVER
})

export interface ParsedCheck {
  readonly name: string
  readonly kind: string
  readonly steps: readonly ParsedStep[]
}

const stepsCheck = z.strictObject({ name: z.string().min(1), steps: z.array(step).min(1, 'there are no steps') })

/** A check has a name and exactly one kind. */
export const check: z.ZodType<ParsedCheck> = z.any().transform((value, context): ParsedCheck => {
  const one = parseOneOf(value, context, [...kindNames, 'steps'])
  if (one === null) return z.NEVER
  if (one.kind === 'steps') {
    const result = stepsCheck.safeParse(value)
    if (result.success) return { ...result.data, kind: 'steps' }
    forward(result.error.issues, context)
    return z.NEVER
  }
  const { name, ...rest } = value as { name?: unknown }
  if (typeof name !== 'string' || name === '') {
    context.issues.push(coded('missing', 'a check needs a name'))
    return z.NEVER
  }
  const parsed = parseKind(rest, one.kind, context)
  return parsed === null ? z.NEVER : { name, kind: one.kind, steps: [parsed] }
})

export interface ParsedReadiness {
  readonly step: ParsedStep
  readonly deadline: number
  readonly failOn?: Matcher | undefined
}

/** The condition polled before checks: one kind, a deadline, and log lines that end the wait. */
export const readiness: z.ZodType<ParsedReadiness> = z.any().transform((value, context): ParsedReadiness => {
  const one = parseOneOf(withoutKeys(value, ['deadline', 'fail_on']), context, kindNames)
  if (one === null) return z.NEVER
  const { deadline, fail_on, ...rest } = value as Record<string, unknown>
  const own = z
    .strictObject({ deadline: duration.default(60_000), fail_on: matcher.optional() })
    .safeParse({ ...(deadline === undefined ? {} : { deadline }), ...(fail_on === undefined ? {} : { fail_on }) })
  if (!own.success) forward(own.error.issues, context)
  const parsed = parseKind(rest, one.kind, context)
  if (parsed === null || !own.success) return z.NEVER
  return { step: parsed, deadline: own.data.deadline, failOn: own.data.fail_on }
})

function withoutKeys(value: unknown, keys: readonly string[]): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
}

/** The forms behind the definitions that are chosen by what was written, for the JSON Schemas. */
export const alternatives: ReadonlyMap<z.ZodType, () => readonly z.ZodType[]> = new Map<
  z.ZodType,
  () => readonly z.ZodType[]
>([
  [matcher, () => [scalar, operatorMap]],
  [
    step,
    () => [
      ...kindNames.map(kindStep),
      ...actionNames.map((name) => z.strictObject({ [name]: actions[name], on: common.on })),
    ],
  ],
  [check, () => [...kindNames.map((kind) => kindStep(kind).extend({ name: z.string() })), stepsCheck]],
  [
    readiness,
    () =>
      kindNames.map((kind) => kindStep(kind).extend({ deadline: duration.optional(), fail_on: matcher.optional() })),
  ],
])
