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
  return withExtensions({ title, ...convert(schema, 0) })
}

/** A definition that looks at its input before it decides is written out as its alternatives. */
function convert(schema: z.ZodType, depth: number): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const found = [...alternatives].find(([key]) => key === (zodSchema as unknown as z.ZodType))
      if (found === undefined || depth > 3) return
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key]
      const forms = found[1]().map((form) => {
        const { $schema: _, ...rest } = convert(form, depth + 1)
        return rest
      })
      Object.assign(jsonSchema, { anyOf: forms })
    },
  }) as JsonSchema
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
