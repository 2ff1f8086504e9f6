/** The engines that environments connect to, and how one is told by who names it. */
import type { Environment } from '../model/project.ts'

/** Address, as it is written → ids of the environments that name it. */
export function enginesNamed(environments: readonly Environment[]): ReadonlyMap<string, readonly string[]> {
  const usedBy = new Map<string, string[]>()
  for (const { id, engine } of environments) {
    const names = engine.kind === 'connect' ? [engine.endpoint] : engine.kind === 'pool' ? engine.endpoints : []
    for (const name of new Set(names)) usedBy.set(name, [...(usedBy.get(name) ?? []), id])
  }
  return usedBy
}

export const whoNames = (ids: readonly string[]): { readonly how: string; readonly mend: string } => ({
  how: ids.join(', '),
  mend: `Start it, or name another in the file of ${ids.join(', ')}.`,
})
