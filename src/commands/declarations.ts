/** What a project declares for each cell today, as a hash: an answer to something else is not believed any more. */
import { createHash } from 'node:crypto'
import { packContext } from '../images/context.ts'
import type { Plan } from '../model/plan.ts'
import type { ImageSource } from '../model/project.ts'
import { declarationOf } from '../plan/fingerprint.ts'

/** Cell → hash. Where a build context cannot be read, its cells have none; the build will say why. */
export async function declarations(plan: Plan): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, string>()
  for (const { key, source } of plan.builds) {
    const hash = await sourceHash(source)
    if (hash !== null) sources.set(key, hash)
  }
  const engines = new Map(plan.environments.map((environment) => [environment.id, environment.engine]))
  const found = new Map<string, string>()
  for (const cell of plan.cells) {
    if (cell.kind !== 'run' || cell.copies.some((copy) => !sources.has(copy.buildKey))) continue
    found.set(cell.id, declarationOf(cell, { sources, engine: engines.get(cell.environment) }))
  }
  return found
}

async function sourceHash(source: ImageSource): Promise<string | null> {
  const hash = createHash('sha256')
  if (source.kind === 'image') return hash.update(source.reference).digest('hex')
  const { context, dockerfile, args, target } = source
  try {
    // Not the host's certificates: they are this machine's, and not the project's.
    const { tar } = await packContext(context, { dockerfile, hostCa: null })
    for await (const chunk of tar) hash.update(chunk as Buffer)
  } catch {
    return null
  }
  return hash.update(JSON.stringify([dockerfile, args, target ?? null])).digest('hex')
}
