/** What a stack needs of any environment, found by taking everything away and giving back the least that it runs with. */
import type { Clock } from '../lib/clock.ts'
import type { Constraints } from '../model/constraint.ts'
import { amountOf } from '../model/constraint.ts'
import type { Environment, Project, StackRow } from '../model/project.ts'
import type { Requirement } from '../model/requirements.ts'
import { grantedCapabilities } from '../plan/engine-defaults.ts'
import { type Variable, variableOf } from '../plan/vary.ts'
import type { Trial } from '../run/trial.ts'
import { minimalSet } from './minimal-set.ts'
import { type Asks, findAsks, withAsks } from './patch.ts'
import { type Answer, keeping } from './probe.ts'
import { BudgetError, type Probed, Prober } from './prober.ts'
import { answerOf, subjectOf } from './subject.ts'
import { findThreshold } from './threshold.ts'

export interface RequirementsOptions {
  readonly project: Project
  readonly row: StackRow
  readonly trial: Trial
  readonly parallel: number
  readonly budgetMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  readonly onProbe: (probe: Probed) => void
}

export interface Requirements {
  readonly rows: readonly Requirement[]
  /** The tightest environment in which it was seen to pass. */
  readonly constraints: Constraints
  readonly egress: 'open' | 'none'
  /** What the stack has to ask for in it. */
  readonly asks: Asks
  /** Whether it passed with all of this at once; null where that was not tried. */
  readonly together: boolean | null
  /** False where the budget ended first. */
  readonly complete: boolean
}

export const strictestId = 'requirements'
const anyUser = '1000650000:0'
const lowPorts = 'net.ipv4.ip_unprivileged_port_start'

/** The least that engines take. */
const strictest: Constraints = {
  mem_limit: 6 * 1024 ** 2,
  pids_limit: 1,
  shm_size: 64 * 1024,
  ulimits: { nofile: { soft: 8, hard: 8 } },
  read_only: true,
  user: anyUser,
  cap_drop: ['ALL'],
  security_opt: [{ text: 'no-new-privileges:true' }],
  sysctls: { [lowPorts]: '1024' },
}

/** An environment that gives nothing; the search lifts what the stack cannot do without. */
export function strictestEnvironment(at: Environment['at']): Environment {
  return {
    id: strictestId,
    title: 'What it needs',
    description: '',
    engine: { kind: 'default' },
    constraints: strictest,
    allow: { cap_add: [...grantedCapabilities({ family: 'docker', major: null })] },
    required: [],
    sells: {},
    network: { egress: 'none' },
    contract: {},
    timeScale: 1,
    at,
  }
}

const ordinals = ['mem_limit', 'pids_limit', 'ulimits:nofile', 'shm_size'] as const
const flags = ['user', 'security_opt:no-new-privileges', `sysctls:${lowPorts}`, 'network.egress'] as const

/** Why nothing can be found: with no constraint it fails, or could not be observed. */
export type NoRequirements = 'fails' | 'unobserved'

export async function findRequirements(options: RequirementsOptions): Promise<Requirements | NoRequirements> {
  const finding = new Finding(options)
  using _ = finding
  return await finding.run()
}

class Finding implements Disposable {
  readonly #options: RequirementsOptions
  readonly #prober: Prober
  readonly #variable: Variable
  readonly #rows: Requirement[] = []
  readonly #kept: string[] = []
  readonly #values: Record<string, number> = {}
  #asks: Asks = {}
  /** Whether everything could be observed. */
  #seen = true

  constructor(options: RequirementsOptions) {
    this.#options = options
    this.#variable = ofWorkload(variableOf(options.project, { row: options.row.id, environment: strictestId }))
    this.#prober = new Prober(subjectOf(this.#variable, options.trial), {
      budget: { probes: 300, ms: options.budgetMs },
      parallel: options.parallel,
      signal: options.signal,
      known: [],
      onProbe: options.onProbe,
    })
  }

  [Symbol.dispose](): void {
    this.#prober[Symbol.dispose]()
  }

  async run(): Promise<Requirements | NoRequirements> {
    let complete = true
    let together: boolean | null = null
    try {
      this.#options.say('runs it with no constraint')
      const bare = await this.#outcome([])
      if (bare !== 'pass') return bare === 'fail' ? 'fails' : 'unobserved'
      for (const flag of flags) await this.#flag(flag)
      await this.#capabilities()
      await this.#folders()
      for (const key of ordinals) await this.#least(key)
      this.#options.say('runs it with all of that at once')
      together = await this.#together()
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error
      complete = false
    }
    const cell = this.#variable.cell(new Set(this.#kept), this.#values)
    const workload = cell.copies.find(({ role }) => role === 'workload')
    const { tmpfs: _tmpfs, cap_add: _added, ...constraints } = workload?.config.constraints ?? {}
    return {
      rows: this.#rows,
      constraints,
      egress: this.#kept.includes('network.egress') ? 'none' : 'open',
      asks: this.#asks,
      together,
      complete: complete && this.#seen,
    }
  }

  /** What two answers agree on, or the third decides. */
  async #outcome(kept: readonly string[]): Promise<Answer['outcome']> {
    const configuration = keeping(kept)
    const [first, second] = await this.#prober.ask(configuration, 2)
    if (first !== undefined && first.outcome === second?.outcome) return first.outcome
    const answers = await this.#prober.ask(configuration, 3)
    const votes = (outcome: Answer['outcome']) => answers.filter((answer) => answer.outcome === outcome).length
    return votes('pass') >= 2 ? 'pass' : votes('fail') >= 2 ? 'fail' : 'unresolved'
  }

  /** What could not be observed is not taken for something that the stack can do without. */
  async #passes(kept: readonly string[]): Promise<boolean> {
    const outcome = await this.#outcome(kept)
    if (outcome === 'unresolved') this.#seen = false
    return outcome === 'pass'
  }

  async #flag(atom: (typeof flags)[number]): Promise<void> {
    const words: Readonly<Record<(typeof flags)[number], readonly [string, string, string]>> = {
      user: ['user', 'any', `its own or root; it fails as ${anyUser}`],
      'security_opt:no-new-privileges': ['gain of privileges', 'none', 'needed: no-new-privileges makes it fail'],
      [`sysctls:${lowPorts}`]: ['ports below 1024', 'none', 'needed without root'],
      'network.egress': ['way out', 'none', 'needed'],
    }
    const [what, without, needed] = words[atom]
    this.#options.say(`tries ${atom}`)
    const passes = await this.#passes([atom])
    if (passes) this.#kept.push(atom)
    this.#rows.push({ what, least: passes ? without : needed })
  }

  /** The smallest set that has to be given back. */
  async #capabilities(): Promise<void> {
    const drops = this.#prober.subject.atoms.filter((atom) => atom.startsWith('cap_drop:'))
    const without = (given: readonly string[]) => this.#passes(drops.filter((drop) => !given.includes(drop)))
    this.#options.say('drops all capabilities')
    const needed = (await without([])) ? [] : await minimalSet(drops, without)
    this.#kept.push(...drops.filter((drop) => !needed.includes(drop)))
    const names = needed.map((drop) => drop.replace('cap_drop:', ''))
    this.#rows.push({ what: 'capabilities', least: names.join(', ') || 'none' })
  }

  async #folders(): Promise<void> {
    this.#options.say('makes the root file system read-only')
    if (await this.#passes(['read_only'])) {
      this.#kept.push('read_only')
      this.#rows.push({ what: 'folders to write to', least: 'none' })
      return
    }
    const answer = this.#prober.heard(keeping(['read_only'])).findLast(({ outcome }) => outcome === 'fail')
    const found = answer === undefined ? null : await this.#writable(answer)
    if (found !== null) {
      this.#kept.push('read_only')
      this.#asks = found
    }
    const folders = [...Object.keys(found?.tmpfs ?? {}), ...(found?.volumes ?? [])].join(', ')
    this.#rows.push({ what: 'folders to write to', least: folders || 'the root file system' })
  }

  async #writable(answer: Answer): Promise<Asks | null> {
    const { project, row, trial } = this.#options
    const kept = new Set(['read_only'])
    const found = await findAsks({
      row,
      environment: project.environments.find(({ id }) => id === strictestId) ?? strictestEnvironment(row.at),
      cause: { constraints: ['read_only'], failure: { answer, likeness: 'signature' } },
      run: async (asks) => {
        const purpose = `with ${[...Object.keys(asks.tmpfs ?? {}), ...(asks.volumes ?? [])].join(', ')} to write to`
        this.#options.say(`tries it ${purpose}`)
        return this.#prober.try({ purpose, kept, values: {} }, async (signal) =>
          answerOf(await trial(this.#asking(asks).cell(kept, {}), { signal })),
        )
      },
    })
    return found?.passes === true ? found.asks : null
  }

  #asking(asks: Asks) {
    const { project, row } = this.#options
    return ofWorkload(variableOf(withAsks(project, row, asks), { row: row.id, environment: strictestId }))
  }

  async #least(key: (typeof ordinals)[number]): Promise<void> {
    const names = { mem_limit: 'memory', pids_limit: 'processes', 'ulimits:nofile': 'open files', shm_size: '/dev/shm' }
    const { values } = this.#variable
    const say = (least: string) => void this.#rows.push({ what: names[key], least })
    if (await this.#passes([key])) {
      this.#kept.push(key)
      say(`at most ${amountOf(key, values[key] ?? 0)}`)
      return
    }
    const answer = this.#prober.heard(keeping([key])).findLast(({ outcome }) => outcome === 'fail')
    if (answer === undefined) return say('could not be observed')
    const cause = { constraints: [key], failure: { answer, likeness: 'signature' as const } }
    const found = await findThreshold(this.#prober, { cause, rest: [key], values, say: this.#options.say })
    if (found === null) {
      say('it passes without a limit only')
      return
    }
    this.#kept.push(key)
    this.#values[key] = found.passesAt
    if (!found.complete) this.#seen = false
    say(`${amountOf(key, found.passesAt)} (fails at ${amountOf(key, found.failsAt)})`)
  }

  async #together(): Promise<boolean> {
    const kept = new Set(this.#kept)
    const cell = this.#asking(this.#asks).cell(kept, this.#values)
    const what = { purpose: 'with all of that at once', kept, values: this.#values }
    const run = async (signal: AbortSignal) => answerOf(await this.#options.trial(cell, { signal }))
    return (await this.#prober.try(what, run)).outcome === 'pass'
  }
}

/** What the stack needs beside it is under no constraint, so that only its own needs are found. */
function ofWorkload(variable: Variable): Variable {
  const free = new Map(variable.cell(new Set(), {}).copies.map((copy) => [copy.alias, copy]))
  return {
    ...variable,
    cell: (kept, values) => {
      const cell = variable.cell(kept, values)
      const copies = cell.copies.map((copy) => (copy.role === 'need' ? (free.get(copy.alias) ?? copy) : copy))
      return { ...cell, copies }
    },
  }
}
