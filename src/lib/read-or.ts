/** A text file that may not be there. */
import { readFileSync } from 'node:fs'

/** What stands in the file; `otherwise` where it cannot be read. */
export function readOr(path: string, otherwise = ''): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}
