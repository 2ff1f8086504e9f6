/** Finds why a cell fails: the smallest sets of constraints that make it fail, verified both ways. */
import type { Diagnosis } from '../model/run-record.ts'
import { against, oddsOfFlaky, sure } from './doubt.ts'
import { findByHalves, findCause, type Rank } from './find-cause.ts'
import { minimalSet } from './minimal-set.ts'
import { alike, type Configuration, type Failure, type FoundCause, keeping, type Verdict } from './probe.ts'
import { BudgetError, type Prober } from './prober.ts'
import { mostVotes, settle } from './settle.ts'
import { verify } from './verify.ts'

export interface SearchResult {
  readonly diagnosis: Diagnosis
  readonly causes: readonly FoundCause[]
  /** Atoms that were in force in every probe, since the stack fails in another way without them. */
  readonly background: readonly string[]
  /** Why this and nothing else, in words. */
  readonly because: string
  readonly complete: boolean
}

export interface SearchOptions {
  readonly rank: Rank
  /** Whether other cells ran beside this one when it failed. */
  readonly hadCompany: boolean
  readonly say: (text: string) => void
}

/** What an environment gives rather than takes away: a stack may need it. */
const givenPattern = /^(environment|tmpfs|extra_hosts|dns|sysctls|group_add|cap_add):|^(init|hostname)$/
/** What an environment may give more of than the engine does, or take away: as far as the stack cannot do without it. */
const mayGivePattern = /^(user|shm_size|mem_limit|ulimits:.+)$/
/** How often a cause that what was heard speaks against is looked for anew. */
const mostSearches = 2
/** So often more than it passed alone before a failure is put down to the others beside it. */
const aloneRuns = 4
/** What a rare disturbance explains, as a share of the runs alone. */
const disturbed = 0.3
/** So many answers tell a stack that is broken from one that mostly fails, as far as they are had in this time. */
const brokenRuns = 10
const brokenMs = 30_000

/** Never rejects for the budget: what was verified until then stands. Rejects with the signal's reason. */
export async function search(prober: Prober, options: SearchOptions): Promise<SearchResult> {
  const searching = new Search(prober, options)
  let found: SearchResult
  try {
    found = await searching.run()
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error
    const { causes, background, suspected } = searching
    const so = suspected === null ? '' : `; suspected, but not verified: ${suspected.join(', ')}`
    const because = `${error.message} before the search ended${so}`
    const diagnosis = causes.length > 0 ? 'constraints' : 'unresolved'
    found = { diagnosis, causes, background, because, complete: false }
  }
  if (!isFlaky(prober, found)) return found
  return { ...found, diagnosis: 'flaky', causes: [], because: passesAndFails }
}

const passesAndFails = 'under the same constraints it passes and fails'

/** Whether what was heard is better explained by a cell that fails at random than by the causes that were found. */
function isFlaky(prober: Prober, found: SearchResult): boolean {
  const heard = prober.all()
  const count = prober.subject.atoms.length
  if (found.causes.length === 0 || against(heard, found, 'any').length === 0) return false
  // Where the search did not end, these may be all causes or there may be others.
  const whole = { ...found, complete: true }
  const odds = Math.min(oddsOfFlaky(heard, found, count), oddsOfFlaky(heard, whole, count))
  const isExplained = found.complete && against(heard, found, 'most').length === 0
  return odds > (isExplained ? sure : 0)
}

class Search {
  readonly causes: FoundCause[] = []
  suspected: readonly string[] | null = null
  background: readonly string[] = []
  readonly #prober: Prober
  readonly #options: SearchOptions

  constructor(prober: Prober, options: SearchOptions) {
    this.#prober = prober
    this.#options = options
  }

  async run(): Promise<SearchResult> {
    const { say } = this.#options
    const { atoms } = this.#prober.subject
    say('runs it again, alone')
    const failing = await this.#fails(keeping(atoms))
    if ('diagnosis' in failing) return failing
    const { failure } = failing
    if (atoms.length === 0) return this.#broken(failure, 'its environment imposes nothing on it')
    say(`fails alone too; runs it with no constraint (${atoms.length} can be lifted)`)
    const bare = await this.#bare(failure)
    if (bare !== null) return bare
    return this.#causes(failure)
  }

  /** Whether it fails when nothing runs beside it, and how. */
  async #fails(asIs: ReturnType<typeof keeping>): Promise<SearchResult | { readonly failure: Failure }> {
    let answers = await this.#prober.ask(asIs, 2)
    const passed = () => answers.filter(({ outcome }) => outcome === 'pass').length
    const failedAlone = () => answers.slice(1).filter(({ outcome }) => outcome === 'fail')
    if (passed() > 0) answers = await this.#prober.ask(asIs, 1 + aloneRuns)
    if (passed() > 1 && failedAlone().length > 0) answers = await this.#prober.ask(asIs, 1 + 2 * aloneRuns)
    const alone = answers.slice(1)
    const failures = failedAlone()
    const count = `passes ${passed()} of ${alone.length} times when it runs alone`
    if (alone.length - failures.length === passed() && passed() > alone.length * disturbed) {
      const never = failures.length === 0
      return this.#answer(never && this.#options.hadCompany ? 'contention' : 'flaky', `it ${count}`)
    }
    const [first, last] = [answers.find(({ outcome }) => outcome === 'fail'), failures.at(-1)]
    if (first === undefined || last === undefined) {
      return this.#answer('unresolved', 'it could not be observed again')
    }
    const likeness = alike(first, last, 'signature') ? 'signature' : 'reason'
    return { failure: { answer: last, likeness } }
  }

  /** What the stack does with no constraint at all; null where it passes. */
  async #bare(failure: Failure): Promise<SearchResult | null> {
    const verdict = await settle(this.#prober, keeping([]), failure)
    if (verdict === 'pass') return null
    const bare = this.#prober.heard(keeping([]))
    const failed = bare.filter(({ outcome }) => outcome === 'fail')
    if (verdict === 'other' && failed.length * 2 <= bare.length) {
      return this.#answer('unresolved', 'with no constraint it could not be observed')
    }
    const how = verdict === 'same' ? 'fails in the same way' : 'fails in another way'
    this.#options.say(`${how} with no constraint; looks for what it cannot do without`)
    const needed = await this.#needed(verdict, failure)
    if (needed !== null) {
      this.background = needed
      return null
    }
    return this.#broken(failure, `it ${how} with no constraint`)
  }

  /** Three alike are broken, but so are many of a cell that mostly fails. */
  async #broken({ answer }: Failure, because: string): Promise<SearchResult> {
    const affordable = Math.floor(brokenMs / answer.durationMs)
    const count = Math.max(3, Math.min(brokenRuns, affordable))
    const again = await this.#prober.ask(keeping(this.#prober.subject.atoms), count)
    const answers = [...again, ...this.#prober.heard(keeping([]))]
    const isBroken = answers.every(({ outcome }) => outcome !== 'pass')
    return isBroken ? this.#answer('stack', because) : this.#answer('flaky', passesAndFails)
  }

  /** The least of its environment that it passes with and fails without; null where there is none. */
  async #needed(bare: Verdict, failure: Failure): Promise<readonly string[] | null> {
    const { atoms } = this.#prober.subject
    const passes = async (set: readonly string[]) => {
      const [answer] = await this.#prober.ask(keeping(set))
      return answer?.outcome === 'pass' && (await settle(this.#prober, keeping(set), failure)) === 'pass'
    }
    const given = atoms.filter((atom) => givenPattern.test(atom))
    if (given.length > 0 && (await passes(given))) return minimalSet(given, passes)
    // What fails alike with nothing in force does not do so for want of a user or of memory.
    if (bare === 'same' && failure.likeness === 'signature') return null
    const more = atoms.filter((atom) => mayGivePattern.test(atom))
    const all = [...more, ...given]
    // The cause may be among what is given: one of it alone, then all but one.
    const sets = [all, more, ...all.map((atom) => [atom]), ...all.map((atom) => all.filter((one) => one !== atom))]
    const seen = new Set<string>()
    for (const set of sets.filter(({ length }) => length > 0)) {
      if (seen.has(set.join())) continue
      seen.add(set.join())
      if (await passes(set)) return minimalSet(set, passes)
    }
    return null
  }

  async #causes(first: Failure): Promise<SearchResult> {
    for (let count = 1; ; count++) {
      const trouble = (await this.#disjoint(first)) ?? (await this.#sharing(first))
      if (trouble !== null) return this.#unshown(trouble)
      if ((await this.#holds()) || count === mostSearches) break
      this.#options.say('what was seen speaks against that, so looks again')
      this.causes.length = 0
    }
    return this.#answer('constraints', 'each cause alone makes it fail, and without them it passes')
  }

  /** One cause after the other, each with those before it lifted; why one could not be found, or null. */
  async #disjoint(first: Failure): Promise<string | null> {
    let failure = first
    let kept = this.#prober.subject.atoms
    for (;;) {
      const cause = await this.#oneCause(failure, kept)
      if (cause === null) return noCause
      this.causes.push(cause)
      this.suspected = null
      kept = kept.filter((atom) => !cause.constraints.includes(atom) || this.background.includes(atom))
      const left = await this.#left(kept, failure)
      if (left === null || kept.length === this.background.length) return null
      this.#options.say(`found ${cause.constraints.join(' and ')}; without it the cell still fails, so looks on`)
      if (left === 'unobserved') return 'what is left could not be observed'
      failure = left
    }
  }

  /** Causes that share a constraint with one that was found, so that lifting all of that hid them. */
  async #sharing(first: Failure): Promise<string | null> {
    const { atoms } = this.#prober.subject
    const seen = new Set<string>()
    for (;;) {
      const lifted = oneOfEach(this.causes.map(({ constraints }) => constraints)).find((set) => !seen.has(set.join()))
      if (lifted === undefined) return null
      seen.add(lifted.join())
      const kept = atoms.filter((atom) => !lifted.includes(atom) || this.background.includes(atom))
      const left = await this.#left(kept, first)
      if (left === null || left === 'unobserved') continue
      const cause = await this.#oneCause(left, kept)
      if (cause === null) return noCause
      this.causes.push(cause)
      this.suspected = null
    }
  }

  /** How it still fails under these; null where it passes. */
  async #left(kept: readonly string[], failure: Failure): Promise<Failure | null | 'unobserved'> {
    if ((await settle(this.#prober, keeping(kept), failure)) === 'pass') return null
    const again = this.#prober.heard(keeping(kept)).findLast(({ outcome }) => outcome === 'fail')
    return again === undefined ? 'unobserved' : { ...failure, answer: again }
  }

  /** Whether what was heard can be explained by the causes; where something speaks against them, it is asked again. */
  async #holds(): Promise<boolean> {
    const prober = this.#prober
    const { background, causes } = this
    const found = { causes, background, complete: true }
    const lifted = causes.flatMap(({ constraints }) => constraints)
    const rest = prober.subject.atoms.filter((atom) => background.includes(atom) || !lifted.includes(atom))
    const alone = causes.map(({ constraints }) => keeping([...background, ...constraints]))
    const more = (configuration: Configuration) => prober.ask(configuration, prober.heard(configuration).length + 1)
    for (;;) {
      if (against(prober.all(), found, 'any').length === 0) return true
      const most = against(prober.all(), found, 'most')
      if (most.some((configuration) => prober.heard(configuration).length >= mostVotes)) return false
      const odds = oddsOfFlaky(prober.all(), found, prober.subject.atoms.length)
      if (most.length === 0 && Math.abs(odds) > sure) return true
      this.#options.say('something speaks against it, so asks again')
      const carrying = [keeping(background), keeping(rest), ...alone]
      await Promise.all((most.length > 0 ? most : carrying).map(more))
    }
  }

  /** Verified; null where it cannot be, also when every question is put to the vote. */
  async #oneCause(failure: Failure, kept: readonly string[]): Promise<FoundCause | null> {
    const { background } = this
    const candidates = kept.filter((atom) => !background.includes(atom))
    const find = { failure, candidates, background, ...this.#options }
    for (let attempt = 0; attempt < 4; attempt++) {
      const found = attempt < 3 ? await findCause(this.#prober, find) : await findByHalves(this.#prober, find)
      if (found === null) continue
      this.suspected = found
      this.#options.say(`suspects ${found.join(' and ')}; verifies it`)
      const cause = await verify(this.#prober, { constraints: found, failure, background })
      if (cause !== null) return cause
    }
    return null
  }

  /** The causes that were verified before stand. */
  #unshown(because: string): SearchResult {
    if (this.causes.length === 0) return this.#answer('unresolved', because)
    const other = `without them it still fails, and that cause could not be verified: ${because}`
    return { ...this.#answer('constraints', other), complete: false }
  }

  #answer(diagnosis: SearchResult['diagnosis'], because: string): SearchResult {
    const causes = diagnosis === 'constraints' ? this.causes : []
    return { diagnosis, because, causes, background: this.background, complete: true }
  }
}

const noCause = 'no set of constraints could be shown to make it fail'
/** More ways to lift one of each are not tried. */
const mostWays = 12

/** One constraint of each set, in every way. */
function oneOfEach(sets: readonly (readonly string[])[]): readonly (readonly string[])[] {
  if (sets.every(({ length }) => length <= 1)) return []
  const ways = sets.reduce<readonly (readonly string[])[]>(
    (before, set) => before.flatMap((way) => set.map((atom) => [...new Set([...way, atom])].sort())).slice(0, mostWays),
    [[]],
  )
  return ways
}
