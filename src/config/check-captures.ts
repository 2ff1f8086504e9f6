/** Whether everything that a check's steps ask for by `{{name}}` was captured before. */
import { didYouMean } from '../lib/nearest.ts'
import type { Check, Step } from '../model/check.ts'
import type { Diagnostic } from '../model/diagnostic.ts'
import { placeholdersIn } from '../model/placeholder.ts'

export function captureProblems(check: Check): readonly Diagnostic[] {
  const problems: Diagnostic[] = []
  walk(check.steps, new Set(), problems)
  return problems
}

/** Answers what is known after these steps. */
function walk(steps: readonly Step[], before: ReadonlySet<string>, problems: Diagnostic[]): ReadonlySet<string> {
  const known = new Set(before)
  for (const { act, at, capture } of steps) {
    if (act.kind === 'parallel') {
      // Branches go side by side, so that none may count on another.
      const after = act.branches.map((branch) => walk(branch, known, problems))
      for (const name of after.flatMap((names) => [...names])) known.add(name)
    } else {
      const asked = new Set(textsIn(act).flatMap(placeholdersIn))
      for (const name of asked) if (!known.has(name)) problems.push(unknownCapture(name, { at, known: [...known] }))
    }
    for (const name of Object.keys(capture)) known.add(name)
  }
  return known
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, entry]) => [key, ...textsIn(entry)])
}

function unknownCapture(
  name: string,
  context: { readonly at: Diagnostic['at']; readonly known: readonly string[] },
): Diagnostic {
  const { at, known } = context
  return {
    severity: 'error',
    code: 'unknown-capture',
    message: `no step before this one captures "${name}".${didYouMean(name, known)} For the text itself write \\{{${name}}}.`,
    at,
    ...(known.length === 0 ? {} : { allowed: known }),
  }
}
