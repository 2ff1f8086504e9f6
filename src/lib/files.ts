/** Files and folders that may not be there. */
import { readdirSync, readFileSync } from 'node:fs'

/** What stands in a text file; `otherwise` where it cannot be read. */
export function readOr(path: string, otherwise = ''): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}

/** The names in a folder; none where it cannot be read. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
