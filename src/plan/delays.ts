/** Which ways of a cell a declared latency lies on: those to what a copy needs, where that takes connections on known ports. */
import type { NetworkPolicy } from '../model/constraint.ts'
import type { Copy, Finding } from '../model/plan.ts'

/** A need can be delayed where all its ports are known and speak TCP. */
export function canDelay(copy: Copy): boolean {
  return copy.role === 'need' && copy.config.takesDatagrams !== true && Object.keys(copy.config.ports).length > 0
}

/** What is not delayed although a latency is declared. */
export function undelayed(network: NetworkPolicy, copies: readonly Copy[]): readonly Finding[] {
  if (network.latencyMs === undefined) return []
  const reached = copies.filter(({ alias }) => copies.some(({ after }) => after.includes(alias)))
  if (reached.length === 0) {
    return [notApplied('delays nothing here: it lies between a stack and what it needs, and nothing is needed')]
  }
  return reached
    .filter((copy) => !canDelay(copy))
    .map(({ alias }) => notApplied(`does not delay the way to ${alias}, which declares no port or takes datagrams`))
}

const notApplied = (what: string): Finding => ({ code: 'not-applied', message: `network.latency ${what}` })
