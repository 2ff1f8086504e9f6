/** What may be asked of a value. */
import { z } from 'zod'
import type { Json, Matcher } from '../../model/check.ts'
import { coded, forward } from './common.ts'

export const json: z.ZodType<Json> = z.any()
export const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])

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
export const operatorMap = z.strictObject(operators)
/** Which form is meant is decided by what was written, so that a mistake in a map is reported as one. */
export const matcher: z.ZodType<Matcher> = z.lazy(() =>
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
export const listMatcher = z.any().transform((value, context): Matcher | readonly Json[] => {
  if (Array.isArray(value)) return value as Json[]
  const result = matcher.safeParse(value)
  if (result.success) return result.data
  forward(result.error.issues, context)
  return z.NEVER
})
