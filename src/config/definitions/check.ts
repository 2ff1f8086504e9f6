/** Checks and readiness: kinds, their fields, what may be expected of each. */
import { z } from 'zod'
import type { Json, Matcher } from '../../model/check.ts'
import { coded, duration, scalarText, textOrSecret } from './common.ts'

const json: z.ZodType<Json> = z.any()
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])

const operators = {
  equals: json.optional(),
  contains: json.optional(),
  starts_with: z.string().optional(),
  ends_with: z.string().optional(),
  matches: z
    .string()
    .superRefine((pattern, context) => {
      try {
        new RegExp(pattern, 'mu')
      } catch (error) {
        context.addIssue({
          code: 'custom',
          message: `no regular expression: ${error instanceof Error ? error.message : String(error)}`,
          params: { code: 'regex' },
        })
      }
    })
    .optional(),
  one_of: z.array(json).min(1, 'one_of needs at least one value').optional(),
  exists: z.boolean().optional(),
  get length() {
    return matcher.optional()
  },
  gt: z.number().optional(),
  gte: z.number().optional(),
  lt: z.number().optional(),
  lte: z.number().optional(),
  get not() {
    return matcher.optional()
  },
  get any_of() {
    return z.array(matcher).min(1, 'any_of needs at least one matcher').optional()
  },
  get each() {
    return matcher.optional()
  },
}
const operatorMap = z.strictObject(operators)
/** Which form is meant is decided by what was written, so that a mistake in a map is reported as one. */
const matcher: z.ZodType<Matcher> = z.lazy(() =>
  z.any().transform((value, context): Matcher => {
    const isMap = value !== null && typeof value === 'object'
    if (isMap && Object.keys(value).length === 0) {
      context.issues.push(coded('empty-matcher', 'an empty matcher asserts nothing'))
      return z.NEVER
    }
    const result = (isMap ? operatorMap : scalar).safeParse(value)
    if (result.success) return result.data as Matcher
    forward(result.error.issues, context)
    return z.NEVER
  }),
)

/** A list that is written out is meant whole. */
const listMatcher = z.any().transform((value, context): Matcher | readonly Json[] => {
  if (Array.isArray(value)) return value as Json[]
  const result = matcher.safeParse(value)
  if (result.success) return result.data
  forward(result.error.issues, context)
  return z.NEVER
})

function forward(
  issues: readonly z.core.$ZodIssue[],
  context: z.core.$RefinementCtx,
  /** The keys that are known at a path, where the form that is meant narrows them. */
  allowedAt: (path: readonly PropertyKey[]) => readonly string[] | undefined = () => undefined,
): void {
  for (const issue of issues) {
    const allowed = issue.code === 'unrecognized_keys' ? allowedAt(issue.path) : undefined
    const params = allowed === undefined ? {} : { params: { allowed } }
    context.issues.push({ ...issue, ...params, input: undefined } as never)
  }
}

const port = z.string().min(1)
const tlsVersions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const

/** Kind → its own fields and its `expect`. */
const kinds = {
  http: {
    fields: z
      .strictObject({
        port,
        method: z
          .string()
          .regex(/^[A-Z]+$/, 'a method has capital letters, such as GET')
          .default('GET'),
        path: z.string().regex(/^\//, 'a path begins with /').default('/'),
        headers: z.record(z.string(), z.union([scalarText, z.strictObject({ secret: z.string() })])).default({}),
        json: json.optional(),
        form: z.record(z.string(), z.union([scalarText, z.strictObject({ secret: z.string() })])).optional(),
        body: z.string().optional(),
        cookies: z.boolean().default(false),
        redirects: z.number().int().min(0).max(20).default(0),
        tls: z
          .strictObject({
            min: z.enum(['TLSv1.2', 'TLSv1.3']).optional(),
            max: z.enum(tlsVersions).optional(),
            server_name: z.string().optional(),
            verify: z.boolean().default(true),
          })
          .optional(),
      })
      .superRefine((value, context) => {
        const bodies = (['json', 'form', 'body'] as const).filter((key) => value[key] !== undefined)
        if (bodies.length > 1)
          context.addIssue({
            code: 'custom',
            path: [bodies[1] ?? 'body'],
            message: `a request has one of ${bodies.join(' and ')}, not both`,
            params: { code: 'conflict' },
          })
      }),
    expect: z.strictObject({
      status: matcher.optional(),
      headers: z.record(z.string(), matcher).optional(),
      body: matcher.optional(),
      json: z.record(z.string(), matcher).optional(),
      duration: matcher.optional(),
    }),
    fallback: { status: 200 },
  },
  tcp: {
    fields: z.strictObject({ port, send: z.string().optional() }),
    expect: z.strictObject({ connected: z.boolean().default(true), banner: matcher.optional() }),
    fallback: { connected: true },
  },
  exec: {
    fields: z
      .strictObject({
        command: z.union([z.array(scalarText).min(1), z.string()]),
        shell: z.boolean().default(false),
        image: z.string().default('self'),
        user: scalarText.optional(),
        workdir: z.string().optional(),
      })
      .transform((value, context) => {
        if (typeof value.command === 'string') {
          if (value.shell) return { ...value, command: ['/bin/sh', '-c', value.command] }
          context.issues.push({
            ...coded('type', 'command is a list of words; for a shell line say shell: true'),
            path: ['command'],
          })
          return z.NEVER
        }
        return { ...value, command: value.shell ? ['/bin/sh', '-c', value.command.join(' ')] : value.command }
      }),
    expect: z.strictObject({ exit_code: matcher.optional(), stdout: matcher.optional(), stderr: matcher.optional() }),
    fallback: { exit_code: 0 },
  },
  sql: {
    fields: z.strictObject({
      driver: z.literal('postgres').default('postgres'),
      port,
      database: z.string(),
      user: z.string(),
      password: textOrSecret.optional(),
      query: z.string().min(1),
    }),
    expect: z.strictObject({
      rows: listMatcher.optional(),
      row_count: matcher.optional(),
      sqlstate: matcher.optional(),
    }),
    fallback: null,
  },
  redis: {
    fields: z.strictObject({
      port,
      master: z.string().min(1).optional(),
      commands: z
        .array(
          z.union([
            z.array(scalarText).min(1),
            z
              .string()
              .min(1)
              .transform((line) => line.trim().split(/\s+/)),
          ]),
        )
        .min(1, 'there is nothing to send'),
    }),
    expect: z.strictObject({ replies: listMatcher.optional() }),
    fallback: null,
  },
  log: {
    fields: z.strictObject({ since: z.enum(['start', 'check']).optional() }),
    expect: z.strictObject({ lines: matcher.optional() }),
    fallback: null,
  },
  exit: {
    fields: z.strictObject({ within: duration.default(10_000) }).transform(({ within }) => ({ withinMs: within })),
    expect: z.strictObject({ code: matcher.optional() }),
    fallback: { code: 0 },
  },
  file: {
    fields: z.strictObject({ path: z.string().regex(/^\//, 'a path inside a container begins with /') }),
    expect: z.strictObject({
      exists: z.boolean().default(true),
      mode: matcher.optional(),
      owner: matcher.optional(),
      content: matcher.optional(),
    }),
    fallback: { exists: true },
  },
  inspect: {
    fields: z.strictObject({ path: z.string().min(1) }),
    expect: z.strictObject({ value: matcher.optional() }),
    fallback: null,
  },
  health: {
    fields: z.strictObject({}),
    expect: z.strictObject({ status: matcher }),
    fallback: { status: 'healthy' },
  },
} as const
type KindName = keyof typeof kinds
export const kindNames = Object.keys(kinds) as KindName[]

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
