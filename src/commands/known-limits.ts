/** What the engine of an environment is known not to enforce before it was asked: for the plan. */
import { unenforcedBy } from '../engines/docker-api/quirks.ts'
import { unsupportedKeys } from '../engines/swarm/service-spec.ts'
import { expectedEngine } from '../hosts/expected-engine.ts'
import type { EngineChoice } from '../model/project.ts'

/** Keys or atoms; of an engine that is only connected to, nothing is known until it answers. */
export function knownLimits(choice: EngineChoice): ReadonlySet<string> {
  if (choice.kind !== 'provision') return new Set()
  const { spec } = choice
  return new Set([...unenforcedBy(expectedEngine(spec)), ...(spec.kind === 'swarm' ? unsupportedKeys : [])])
}
