/** JSON Schemas of the user's files, from the definitions that validate them. */
import { z } from 'zod'
import { alternatives } from './definitions/check.ts'
import { environment, project, stack, waivers } from './definitions/files.ts'

type JsonSchema = Readonly<Record<string, unknown>>
export type SchemaName = 'matrix' | 'stack' | 'environment' | 'waivers'

/** Keys that are taken away before the definitions see a file. */
const variantsNote = {
  description: 'Further rows from this stack: each is laid over the rest of the file.',
  type: 'object',
  additionalProperties: { type: ['object', 'null'] },
}
const presets = {
  description: 'Presets that are laid under this file.',
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
}

export function jsonSchemas(): Readonly<Record<SchemaName, JsonSchema>> {
  return {
    matrix: schemaOf(project, 'Settings of a Matrix project'),
    stack: withProperties(schemaOf(stack, 'One row of the matrix'), { variants: variantsNote }),
    environment: withProperties(schemaOf(environment, 'One column of the matrix'), { extends: presets }),
    waivers: schemaOf(waivers, 'Accepted failures'),
  }
}

function schemaOf(schema: z.ZodType, title: string): JsonSchema {
  const definitions = new Map<z.ZodType, Definition>()
  const converted = convert(schema, definitions)
  const named = [...definitions.values()].map(({ name, schema: definition }) => [name, definition] as const)
  const $defs = { ...(converted['$defs'] as JsonSchema | undefined), ...Object.fromEntries(named) }
  return withExtensions({ title, ...converted, ...(Object.keys($defs).length > 0 ? { $defs } : {}) })
}

interface Definition {
  readonly name: string
  schema: JsonSchema
}

/**
 * A definition that looks at its input before it decides is written out as its alternatives: once, under a name, since
 * checks hold steps and matchers hold matchers.
 */
function convert(schema: z.ZodType, definitions: Map<z.ZodType, Definition>): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const found = [...alternatives].find(([key]) => key === (zodSchema as unknown as z.ZodType))
      if (found === undefined) return
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key]
      Object.assign(jsonSchema, { $ref: `#/$defs/${define(found, definitions).name}` })
    },
  }) as JsonSchema
}

function define(
  [key, forms]: readonly [z.ZodType, () => readonly z.ZodType[]],
  definitions: Map<z.ZodType, Definition>,
): Definition {
  const known = definitions.get(key)
  if (known !== undefined) return known
  const made: Definition = { name: `alternatives${definitions.size + 1}`, schema: {} }
  definitions.set(key, made)
  made.schema = {
    anyOf: forms().map((form) => {
      const { $schema: _, ...rest } = convert(form, definitions)
      return rest
    }),
  }
  return made
}

function withProperties(schema: JsonSchema, more: JsonSchema): JsonSchema {
  return { ...schema, properties: { ...(schema['properties'] as JsonSchema), ...more } }
}

/** Keys that begin with \`x-\` are the user's own everywhere. */
function withExtensions(value: unknown): JsonSchema {
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk)
    if (node === null || typeof node !== 'object') return node
    const entries = Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, walk(inner)]))
    return entries['additionalProperties'] === false ? { ...entries, patternProperties: { '^x-': {} } } : entries
  }
  return walk(value) as JsonSchema
}
