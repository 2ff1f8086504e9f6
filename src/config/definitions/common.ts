/** What several files of the user have in common: ids, sizes, times, secrets. */
import { z } from 'zod'
import { parseDuration, parseSize } from '../../lib/units.ts'

/** An issue that carries the code of its diagnostic. */
export function coded(code: string, message: string) {
  return { code: 'custom' as const, message, params: { code }, input: undefined }
}

export const id = z
  .string()
  .max(40, 'an id has at most 40 characters')
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'an id has small letters, digits and inner hyphens')

/** A size with a unit, such as `512m`; bytes come out. */
export const size = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = typeof value === 'string' ? parseSize(value) : null
  if (bytes !== null) return bytes
  context.issues.push(
    coded(
      'unit',
      /^\d+$/.test(String(value))
        ? `a size needs a unit; ${value} would mean ${value} bytes. Write "${value}m".`
        : `"${value}" is no size. Write a number and b, k, m or g, such as "512m".`,
    ),
  )
  return z.NEVER
})

/** A time with a unit, such as `1m30s`; milliseconds come out. */
export const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = typeof value === 'string' ? parseDuration(value) : null
  if (ms !== null) return ms
  context.issues.push(
    coded(
      'unit',
      /^\d+$/.test(String(value))
        ? `a time needs a unit; write "${value}s" for ${value} seconds.`
        : `"${value}" is no time. Write a number and us, ms, s, m or h, such as "1m30s".`,
    ),
  )
  return z.NEVER
})

export const secretReference = z.strictObject({ secret: z.string().min(1) })
export const textOrSecret = z.union([z.string(), secretReference])

/** A scalar where a text is meant, as in a map of variables. */
export const scalarText = z.union([z.string(), z.number(), z.boolean()]).transform(String)

/** `{ A: 1 }` or `["A=1"]`. */
export const variables = z.union([
  z.record(z.string(), z.union([scalarText, secretReference])),
  z
    .array(z.string().regex(/^[^=]+=/, 'write NAME=value'))
    .transform((entries) =>
      Object.fromEntries(
        entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)] as const),
      ),
    ),
])
export const plainVariables = z.union([
  z.record(z.string(), scalarText),
  z
    .array(z.string().regex(/^[^=]+=/, 'write NAME=value'))
    .transform((entries) =>
      Object.fromEntries(
        entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)] as const),
      ),
    ),
])

/** A command as an argument vector. */
export const argv = z.union([
  z.array(scalarText).min(1, 'a command has at least one word'),
  z
    .string()
    .min(1)
    .transform((word) => [word]),
])

/** Passes on what another definition objected to. */
export function forward(
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
