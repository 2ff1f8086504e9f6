/** The kinds of checks: their fields, and what may be expected of each. */
import { z } from 'zod'
import { coded, duration, scalarText, textOrSecret } from './common.ts'
import { json, listMatcher, matcher } from './matcher.ts'

const port = z.string().min(1)
const tlsVersions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const

/** Kind → its own fields and its `expect`. */
export const kinds = {
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
export type KindName = keyof typeof kinds
export const kindNames = Object.keys(kinds) as KindName[]
