/** What is left of a file that has mistakes, so that what its other parts refer to is looked at too. */
import type { z } from 'zod'
import type { Located } from './located.ts'

interface Salvaged {
  readonly node: Located
  /** Names at the top of the file of which something is left out, or may be meant by a name that is not known. */
  readonly holes: ReadonlySet<string>
}

export interface Parsed<T> extends Salvaged {
  readonly value: T
}

/** Of these an entry with a mistake is left out, and the others stay; of the rest the whole. */
const collections = ['checks', 'needs', 'ports', 'environment', 'secrets', 'exclude', 'notify']

/** @param known the names that the top of the file may have. Null where the mistakes leave nothing. */
export function salvage(node: Located, issues: readonly z.core.$ZodIssue[], known: readonly string[]): Salvaged | null {
  if (node.kind !== 'map') return null
  const { entries } = node
  const names = new Set<string>()
  const parts = new Map<string, Set<string>>()
  const holes = new Set<string>()
  for (const issue of issues) {
    const [first, second] = issue.path
    if (first === undefined) {
      if (issue.code !== 'unrecognized_keys') return null
      for (const key of issue.keys) names.add(key)
      // One of those that are not there may be what was meant.
      for (const name of known) if (!entries.has(name)) holes.add(name)
      continue
    }
    const name = String(first)
    holes.add(name)
    if (second === undefined || !collections.includes(name)) names.add(name)
    else parts.set(name, (parts.get(name) ?? new Set()).add(String(second)))
  }
  const kept = [...entries].filter(([name]) => !names.has(name))
  return {
    node: {
      ...node,
      entries: new Map(
        kept.map(([name, entry]) => [name, { ...entry, value: without(entry.value, parts.get(name)) }] as const),
      ),
    },
    holes,
  }
}

function without(node: Located, parts: ReadonlySet<string> | undefined): Located {
  if (parts === undefined || node.kind === 'scalar') return node
  return node.kind === 'list'
    ? { ...node, items: node.items.filter((_, index) => !parts.has(String(index))) }
    : { ...node, entries: new Map([...node.entries].filter(([name]) => !parts.has(name))) }
}
