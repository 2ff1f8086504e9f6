/** Turns what the definitions object to into diagnostics at the place where it was written. */
import type { z } from 'zod'
import { didYouMean } from '../lib/nearest.ts'
import type { Diagnostic } from '../model/diagnostic.ts'
import { type Located, locate } from './located.ts'

type Issue = z.core.$ZodIssue

interface Context {
  readonly root: Located
  /** The keys that are known at a path, for the definitions do not say which they would have taken. */
  readonly allowedAt: (path: readonly PropertyKey[]) => readonly string[]
}

export function diagnosticsOf(issues: readonly Issue[], context: Context): readonly Diagnostic[] {
  return issues.flatMap((issue) => diagnose(issue, [], context))
}

/**
 * Paths of keys that begin with `x-` where no such key is known: those are the user's own. Where a map's keys are
 * the user's to choose, as of headers, `x-` is a name like any other.
 */
export function extensionPaths(
  issues: readonly Issue[],
  prefix: readonly PropertyKey[] = [],
): readonly (readonly PropertyKey[])[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path]
    if (issue.code === 'invalid_union') return issue.errors.flatMap((branch) => extensionPaths(branch, path))
    if (issue.code !== 'unrecognized_keys') return []
    return issue.keys.filter((key) => key.startsWith('x-')).map((key) => [...path, key])
  })
}

function diagnose(issue: Issue, prefix: readonly PropertyKey[], context: Context): readonly Diagnostic[] {
  const path = [...prefix, ...issue.path]
  const error = (code: string, message: string, what: 'key' | 'value' = 'value'): Diagnostic => ({
    severity: 'error',
    code,
    message,
    at: locate(context.root, path, what),
  })
  switch (issue.code) {
    case 'unrecognized_keys': {
      const given = (issue as { params?: { allowed?: readonly string[] } }).params?.allowed
      const allowed = given ?? context.allowedAt(path)
      return issue.keys.map((key) => unknownKey(key, { path, allowed, ...context }))
    }
    case 'invalid_union': {
      const types = wrongTypes(issue.errors)
      if (types !== null) return [error('type', `${nameOf(path)} should be ${types.map(article).join(' or ')}`)]
      const branch = likeliest(issue.errors)
      if (branch === undefined) return [error('type', `${nameOf(path)} has none of the forms that are accepted`)]
      return branch.flatMap((inner) => diagnose(inner, path, context))
    }
    case 'invalid_type': {
      const isMissing = missing(context.root, path)
      if (!isMissing) return [error('type', `${nameOf(path)} should be ${article(issue.expected)}`)]
      const advice = issue.message.startsWith('Invalid input') ? '' : `: ${issue.message}`
      return [error('missing', `${nameOf(path)} is missing${advice}`)]
    }
    case 'invalid_value':
      return [
        error(
          'value',
          `${nameOf(path)} should be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`,
        ),
      ]
    case 'invalid_key':
      return issue.issues.map((inner) => error('key', `${nameOf(path)}: ${inner.message}`, 'key'))
    case 'too_small':
      return [error('value', sizeTold(issue, { path, bound: issue.minimum, which: 'least' }))]
    case 'too_big':
      return [error('value', sizeTold(issue, { path, bound: issue.maximum, which: 'most' }))]
    case 'custom': {
      const { code = 'value', allowed } = (issue.params ?? {}) as { code?: string; allowed?: readonly string[] }
      const told = error(code, code === 'unit' ? `${nameOf(path)}: ${issue.message}` : issue.message)
      return [allowed === undefined ? told : { ...told, allowed }]
    }
    default:
      return [error('value', `${nameOf(path)}: ${issue.message}`)]
  }
}

/** In words of ours where the definition has none of its own. */
function sizeTold(
  { message, origin }: { readonly message: string; readonly origin: string },
  told: { readonly path: readonly PropertyKey[]; readonly bound: number | bigint; readonly which: 'least' | 'most' },
): string {
  const name = nameOf(told.path)
  if (!message.startsWith('Too ')) return `${name}: ${message}`
  const of = { string: ' characters', array: ' entries' }[origin]
  if (of !== undefined && told.which === 'least' && told.bound === 1) return `${name} is empty`
  return of === undefined
    ? `${name} is at ${told.which} ${told.bound}`
    : `${name} has at ${told.which} ${told.bound}${of}`
}

function unknownKey(
  key: string,
  context: Context & { readonly path: readonly PropertyKey[]; readonly allowed: readonly string[] },
): Diagnostic {
  const parent = context.path.findLast((part) => typeof part === 'string')
  const where = parent === undefined ? '' : ` in ${String(parent)}`
  // Whoever knows compose looks for `image` within a service.
  const isOfTop = context.path.length > 0 && context.allowedAt([]).includes(key)
  return {
    severity: 'error',
    code: 'unknown-key',
    message: `unknown key "${key}"${where}.${didYouMean(key, context.allowed)}`,
    at: locate(context.root, [...context.path, key], 'key'),
    allowed: context.allowed,
    ...(isOfTop ? { hint: `"${key}" stands at the top of the file, not${where}.` } : {}),
  }
}

/** The types of which one would have been taken, where the value as a whole is of none of them; null where it is of one. */
function wrongTypes(branches: readonly (readonly Issue[])[]): readonly string[] | null {
  const types = branches.flatMap(([issue, ...more]) =>
    issue?.code === 'invalid_type' && issue.path.length === 0 && more.length === 0 ? [issue.expected] : [],
  )
  return types.length === branches.length && types.length > 0 ? [...new Set(types)] : null
}

/** The form that somebody meant: the one that got furthest before it objected. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const reach = (issues: readonly Issue[]) =>
    Math.max(0, ...issues.map((issue) => issue.path.length * 2 + (issue.code === 'invalid_type' ? 0 : 1)))
  return branches.toSorted((a, b) => reach(b) - reach(a))[0]
}

function missing(root: Located, path: readonly PropertyKey[]): boolean {
  let node: Located | undefined = root
  for (const part of path) {
    node =
      node.kind === 'map'
        ? node.entries.get(String(part))?.value
        : node.kind === 'list'
          ? node.items[Number(part)]
          : undefined
    if (node === undefined) return true
  }
  return false
}

function nameOf(path: readonly PropertyKey[]): string {
  const name = path.findLast((part) => typeof part === 'string')
  return name === undefined ? 'this' : String(name)
}

const article = (type: string) =>
  ({
    object: 'a map',
    array: 'a list',
    string: 'a text',
    number: 'a number',
    boolean: 'true or false',
    record: 'a map',
  })[type] ?? `of type ${type}`
