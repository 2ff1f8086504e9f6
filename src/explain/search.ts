/** Finds why a cell fails: the smallest sets of constraints that make it fail, verified both ways. */
import type { Diagnosis } from '../model/run-record.ts'
import { findByHalves, findCause, type Rank } from './find-cause.ts'
import { minimalSet } from './minimal-set.ts'
import { alike, type Failure, type FoundCause, judge, keeping, type Verdict } from './probe.ts'
import { BudgetError, type Prober } from './prober.ts'
import { settle } from './settle.ts'
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
/** How many answers tell a rare disturbance from a cell that fails now and then. */
const examined = 4
/** What a rare disturbance explains, as a share of all answers. */
const disturbed = 0.15
/** So often more than it passed alone before a failure is put down to the others beside it. */
const aloneRuns = 4

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
  const most = found.complete ? disturbed : disturbed / 2
  if (found.causes.length === 0 || contradictions(prober.all(), found).share <= most) return found
  return { ...found, diagnosis: 'flaky', causes: [], because: 'under the same constraints it passes and fails' }
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
    if (atoms.length === 0) return this.#stack('its environment imposes nothing on it')
    say(`fails alone too; runs it with no constraint (${atoms.length} can be lifted)`)
    const bare = await this.#bare(failure)
    if (bare !== null) return bare
    return this.#causes(failure)
  }

  /** Whether it fails when nothing runs beside it, and how. */
  async #fails(asIs: ReturnType<typeof keeping>): Promise<SearchResult | { readonly failure: Failure }> {
    let answers = await this.#prober.ask(asIs, 2)
    const passed = () => answers.filter(({ outcome }) => outcome === 'pass').length
    if (passed() > 0) answers = await this.#prober.ask(asIs, 1 + aloneRuns)
    const alone = answers.slice(1)
    const failures = alone.filter(({ outcome }) => outcome === 'fail')
    const count = `passes ${passed()} of ${alone.length} times when it runs alone`
    if (alone.length - failures.length === passed() && passed() > 1) {
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
    // Three alike are broken; a cell that mostly fails would be taken for one with fewer.
    const again = await this.#prober.ask(keeping(this.#prober.subject.atoms), 3)
    if ([...again, ...this.#prober.heard(keeping([]))].some(({ outcome }) => outcome === 'pass')) {
      return this.#answer('flaky', 'under the same constraints it passes and fails')
    }
    return this.#stack(`it ${how} with no constraint`)
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
    const prober = this.#prober
    let failure = first
    let kept = prober.subject.atoms
    for (;;) {
      const cause = await this.#oneCause(failure, kept)
      if (cause === null) return this.#unshown('no set of constraints could be shown to make it fail')
      this.suspected = cause.constraints
      kept = kept.filter((atom) => !cause.constraints.includes(atom) || this.background.includes(atom))
      const rest = keeping(kept)
      const verdict = await settle(prober, rest, failure)
      this.causes.push(cause)
      this.suspected = null
      if (verdict === 'pass') break
      this.#options.say(`found ${cause.constraints.join(' and ')}; without it the cell still fails, so looks on`)
      const again = prober.heard(rest).findLast(({ outcome }) => outcome === 'fail')
      if (again === undefined) return this.#unshown('what is left could not be observed')
      failure = { ...failure, answer: again }
      if (kept.length === this.background.length) break
    }
    if (contradictions(prober.all(), { ...this, complete: true }).count > 0) {
      this.#options.say('one answer speaks against it, so asks all of it again')
      await this.#examine(kept)
    }
    return this.#answer('constraints', 'each cause alone makes it fail, and without them it passes')
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

  /** Enough answers under each configuration that carries the result to tell a disturbance from a flaky cell. */
  async #examine(rest: readonly string[]): Promise<void> {
    const { background } = this
    const alone = this.causes.map(({ constraints }) => keeping([...background, ...constraints]))
    for (const configuration of [keeping(background), keeping(rest), ...alone]) {
      await this.#prober.ask(configuration, examined)
    }
  }

  #stack(because: string): SearchResult {
    return this.#answer('stack', because)
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

/** How many answers the causes do not explain; where they are not complete, what fails without them may do so for others. */
function contradictions(
  heard: ReturnType<Prober['all']>,
  { causes, background, complete }: Pick<SearchResult, 'causes' | 'background' | 'complete'>,
) {
  let count = 0
  let total = 0
  for (const { configuration, answers } of heard) {
    // Without what it cannot do without it fails, whatever the causes.
    if (!background.every((atom) => configuration.kept.has(atom))) continue
    const passed = answers.filter(({ outcome }) => outcome === 'pass').length
    const failed = answers.filter((answer) => causes.some(({ failure }) => judge(answer, failure) === 'same')).length
    const fails = causes.some(({ constraints }) => constraints.every((atom) => configuration.kept.has(atom)))
    count += fails ? passed : complete ? failed : Math.min(passed, failed)
    total += answers.length
  }
  return { count, share: count / total }
}
