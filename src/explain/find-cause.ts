/** Finds a set of constraints that alone makes a cell fail as it did, by the questions that tell most. */
import { Belief, mostItems } from './belief.ts'
import { minimalSet } from './minimal-set.ts'
import { type Answer, type Failure, judge, keeping } from './probe.ts'
import type { Prober } from './prober.ts'
import { settle } from './settle.ts'

/** Atoms that what was seen speaks for, and why. */
export interface Suspicion {
  readonly atoms: readonly string[]
  readonly why: string
}
/** The strongest first. */
export type Rank = (answer: Answer, candidates: readonly string[]) => readonly Suspicion[]

export interface FindOptions {
  readonly failure: Failure
  readonly candidates: readonly string[]
  /** Always in force. */
  readonly background: readonly string[]
  readonly rank: Rank
  readonly say: (text: string) => void
}

/** From this on it is worth verifying. */
const convinced = 0.9
/** After so many questions the cause is none of those that were thought of. */
const mostQuestions = 20
const ruledOut = 0.01

/** Not verified; null where it has no idea. Everything together is known to fail, the background alone to pass. */
export async function findCause(prober: Prober, options: FindOptions): Promise<readonly string[] | null> {
  const { background, candidates, failure, rank, say } = options
  const suspicions = rank(failure.answer, candidates)
  for (const { atoms, why } of suspicions.slice(0, 2)) say(`suspects ${atoms.join(', ')}: ${why}`)
  const suspected = suspicions.flatMap(({ atoms }) => atoms)
  const order = [...new Set([...suspected, ...candidates])].filter((atom) => candidates.includes(atom))
  const items = order.length <= mostItems ? order : await fewer(prober, { ...options, order })
  if (items.length <= 1) return items

  const belief = new Belief(items.length, { weights: items.map((atom) => weightOf(atom, suspicions)) })
  const away = new Set<string>()
  const heard = prober.all().filter(({ configuration }) => concerns(configuration.kept, { background, candidates }))
  for (const { configuration, answers } of heard) {
    if (items.length < order.length && order.some((atom) => configuration.kept.has(atom) && !items.includes(atom)))
      continue
    for (const answer of answers) learn(configuration.kept, answer)
  }
  function learn(kept: ReadonlySet<string>, answer: Answer): void {
    const inForce = items.flatMap((atom, index) => (kept.has(atom) ? [index] : []))
    belief.learn(inForce, judge(answer, failure) === 'same')
  }

  for (let asked = 0; asked < mostQuestions; ) {
    const { items: best, share } = belief.best()
    const found = best.map((index) => items[index] ?? '')
    if (share >= convinced) return found
    const questions = belief.questions()
    if (questions.length === 0) return found
    const sets = questions.map((indices) => indices.map((index) => items[index] ?? ''))
    asked += sets.length
    const answers = await Promise.all(sets.map((set) => prober.ask(keeping([...background, ...set]))))
    for (const [index, set] of sets.entries()) for (const answer of answers[index] ?? []) learn(new Set(set), answer)
    const shares = belief.shares()
    const out = items.filter((atom, index) => (shares[index] ?? 0) < ruledOut && !away.has(atom))
    for (const atom of out) away.add(atom)
    if (out.length > 0) say(`rules out ${out.join(', ')}`)
  }
  return null
}

/** By halves, every question put to the vote: for causes of more constraints than `findCause` thinks of. */
export async function findByHalves(prober: Prober, options: FindOptions): Promise<readonly string[]> {
  const { background, candidates, failure } = options
  options.say(`halves ${candidates.length} constraints`)
  return minimalSet(
    candidates,
    async (set) => (await settle(prober, keeping([...background, ...set]), failure, 1)) === 'same',
  )
}

/** Entries of one key together, so that many are one question; then the atoms of what is left. */
async function fewer(prober: Prober, options: FindOptions & { readonly order: readonly string[] }) {
  const { background, failure, order } = options
  const groups = new Map<string, string[]>()
  for (const atom of order) {
    const key = /^[^:]+/.exec(atom)?.[0] ?? atom
    groups.set(key, [...(groups.get(key) ?? []), atom])
  }
  const found = await minimalSet([...groups.values()], async (set) => {
    const [answer] = await prober.ask(keeping([...background, ...set.flat()]))
    return answer !== undefined && judge(answer, failure) === 'same'
  })
  return found.flat().slice(0, mostItems)
}

/** Whether what was seen under `kept` says something of the candidates alone. */
function concerns(
  kept: ReadonlySet<string>,
  { background, candidates }: Pick<FindOptions, 'background' | 'candidates'>,
): boolean {
  return (
    background.every((atom) => kept.has(atom)) &&
    [...kept].every((atom) => background.includes(atom) || candidates.includes(atom))
  )
}

/** The first suspicion counts most, and is shared among its atoms. */
function weightOf(atom: string, suspicions: readonly Suspicion[]): number {
  const rank = suspicions.findIndex(({ atoms }) => atoms.includes(atom))
  const suspicion = suspicions[rank]
  return suspicion === undefined ? 1 : 1 + 40 / 2 ** rank / suspicion.atoms.length
}
