/** What stacks were found to need, a file a row: the last search counts. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { RequirementsRecord } from '../model/requirements.ts'

const folderOf = (reports: string): string => join(reports, 'requirements')

export async function keepRequirements(reports: string, found: RequirementsRecord): Promise<string> {
  const path = join(folderOf(reports), `${found.row}.json`)
  mkdirSync(dirname(path), { recursive: true })
  await writeFileAtomic(path, `${JSON.stringify(found, null, 2)}\n`)
  return path
}

/** Row → what it was found to need. A file that is none of these is left out. */
export function readRequirements(reports: string): ReadonlyMap<string, RequirementsRecord> {
  const folder = folderOf(reports)
  let names: readonly string[]
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch {
    return new Map()
  }
  return new Map(
    names.flatMap((name) => {
      try {
        const value = JSON.parse(readFileSync(join(folder, name), 'utf8')) as RequirementsRecord
        const sound = value.schemaVersion === 1 && typeof value.startedAt === 'string' && Array.isArray(value.rows)
        return sound ? [[value.row, value] as const] : []
      } catch {
        return []
      }
    }),
  )
}
