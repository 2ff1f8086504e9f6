/** `matrix schema`: the JSON Schemas of the files that a user writes, and of run.json. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { jsonSchemas } from '../config/json-schema.ts'
import { didYouMean } from '../lib/nearest.ts'
import { printable } from '../lib/printable.ts'
import { exitCodes } from '../model/verdict.ts'
import { runJsonSchema } from '../record/run-schema.ts'
import type { Io } from './io.ts'

export interface SchemaOptions {
  readonly project?: string
  readonly name?: string
  readonly write?: boolean
}

export async function runSchema(options: SchemaOptions, io: Io): Promise<number> {
  const schemas: Readonly<Record<string, unknown>> = { ...jsonSchemas(), run: runJsonSchema() }
  const text = (schema: unknown) => `${JSON.stringify(schema, null, 2)}\n`
  const { name } = options
  if (name !== undefined && !Object.hasOwn(schemas, name)) {
    const names = Object.keys(schemas)
    const meant = didYouMean(name, names)
    io.stderr(printable(`matrix: there is no schema "${name}".${meant} There are: ${names.join(', ')}.\n`))
    return exitCodes.usage
  }
  if (options.write === true) {
    const folder = join(options.project ?? io.cwd, '.matrix', 'schema')
    mkdirSync(folder, { recursive: true })
    for (const [key, schema] of Object.entries(schemas)) {
      if (name === undefined || key === name) await writeFileAtomic(join(folder, `${key}.json`), text(schema))
    }
    io.stdout(`written to ${printable(folder)}\n`)
    return exitCodes.green
  }
  io.stdout(name === undefined ? `${Object.keys(schemas).join('\n')}\n` : text(schemas[name]))
  return exitCodes.green
}
