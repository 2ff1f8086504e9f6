/** Which keys a definition knows at a path, read from its JSON Schema, for the messages about unknown ones. */
type Schema = Readonly<Record<string, unknown>>

export function allowedKeys(schema: Schema, path: readonly PropertyKey[]): readonly string[] {
  let nodes: readonly Schema[] = [schema]
  for (const part of path) {
    nodes = nodes.flatMap((node) => forms(node, schema)).flatMap((node) => child(node, part))
  }
  return [
    ...new Set(
      nodes
        .flatMap((node) => forms(node, schema))
        .flatMap((node) => Object.keys((node['properties'] as Schema | undefined) ?? {})),
    ),
  ]
}

function child(node: Schema, part: PropertyKey): readonly Schema[] {
  if (typeof part === 'number') return node['items'] ? [node['items'] as Schema] : []
  const own = (node['properties'] as Readonly<Record<string, Schema>> | undefined)?.[String(part)]
  if (own) return [own]
  const rest = node['additionalProperties']
  return rest !== null && typeof rest === 'object' ? [rest as Schema] : []
}

/** A node with its references and alternatives taken apart. */
function forms(node: Schema, root: Schema, depth = 0): readonly Schema[] {
  if (depth > 8) return []
  const reference = node['$ref']
  if (typeof reference === 'string' && reference.startsWith('#/')) {
    const target = reference
      .slice(2)
      .split('/')
      .reduce<unknown>((value, part) => (value as Schema | undefined)?.[part], root)
    return target === undefined ? [] : forms(target as Schema, root, depth + 1)
  }
  const choices = [
    ...((node['anyOf'] as Schema[] | undefined) ?? []),
    ...((node['oneOf'] as Schema[] | undefined) ?? []),
    ...((node['allOf'] as Schema[] | undefined) ?? []),
  ]
  return choices.length > 0 ? choices.flatMap((choice) => forms(choice, root, depth + 1)) : [node]
}
