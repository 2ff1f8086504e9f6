/** Names a checkout in labels, so that two of them on one engine do not sweep each other's runs. */
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'

/** @param root folder of the project; one that does not exist has an id too. Twelve hex digits. */
export function projectIdOf(root: string): string {
  let path = root
  try {
    path = realpathSync(root)
  } catch {
    // Reported where its files are read.
  }
  return createHash('sha256').update(path).digest('hex').slice(0, 12)
}
