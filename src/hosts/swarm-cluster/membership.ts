/** Who belongs to the cluster: how it stands by its manager's word, and what mends it. */
import { type Engine, EngineError } from '../../engines/engine.ts'
import { systemClock } from '../../lib/clock.ts'
import { oneLine } from '../../lib/printable.ts'

/** A machine of the cluster: a container of the local engine with an engine in it. */
export interface Member {
  readonly name: string
  /** Its container in the local engine. */
  readonly container: string
  /** Address at which the other machines reach it. */
  readonly address: string
}

/** What a machine's engine says of itself. */
export interface OwnView {
  readonly state: string
  readonly nodeId: string
  readonly address: string
  readonly isManager: boolean
}

/** What the manager says of a machine. */
export interface ManagerView {
  readonly id: string
  readonly status: string
  readonly availability: string
}

export type Ailment = 'not-a-member' | 'not-ready' | 'not-active'

/** Why a machine cannot get work; null where it can. */
export function ailmentOf(own: OwnView, seen: readonly ManagerView[]): Ailment | null {
  const view = seen.find(({ id }) => id === own.nodeId)
  if (own.state !== 'active' || view === undefined) return 'not-a-member'
  if (view.status !== 'Ready') return 'not-ready'
  return view.availability === 'Active' ? null : 'not-active'
}

/** A cluster cannot be mended where its manager does not manage it, or has another address than the others know. */
export function isLost(own: OwnView, manager: Member): boolean {
  return own.state !== 'active' || !own.isManager || own.address !== manager.address
}

/** A machine that is silent for three of these is given up, and what it runs is ended: a busy one must not be. */
const heartbeat = '10s'
const readyWithinMs = 30_000
const outputBytes = 64 * 1024

export class Membership {
  readonly #local: Engine
  readonly #signal: AbortSignal

  constructor(local: Engine, signal: AbortSignal) {
    this.#local = local
    this.#signal = signal
  }

  async ownView(member: Member): Promise<OwnView> {
    const said = await this.#docker(member, ['info', '--format', '{{json .Swarm}}'])
    const { LocalNodeState, NodeID, NodeAddr, ControlAvailable } = JSON.parse(said) as Record<string, unknown>
    return {
      state: String(LocalNodeState ?? ''),
      nodeId: String(NodeID ?? ''),
      address: String(NodeAddr ?? ''),
      isManager: ControlAvailable === true,
    }
  }

  async managerView(manager: Member): Promise<readonly ManagerView[]> {
    const said = await this.#docker(manager, ['node', 'ls', '--format', '{{.ID}} {{.Status}} {{.Availability}}'])
    return said
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [id = '', status = '', availability = ''] = line.split(' ')
        return { id, status, availability }
      })
  }

  async form(manager: Member): Promise<void> {
    await this.leave(manager)
    await this.#docker(manager, [
      ...['swarm', 'init', '--advertise-addr', manager.address, '--dispatcher-heartbeat', heartbeat],
    ])
  }

  /** The token goes by the environment, for commands are told in the engine's events. */
  async join(member: Member, manager: Member): Promise<void> {
    await this.leave(member)
    const token = await this.#docker(manager, ['swarm', 'join-token', '--quiet', 'worker'])
    const command = ['/bin/sh', '-c', 'exec docker swarm join --token "$TOKEN" "$MANAGER"']
    const environment = { TOKEN: token.trim(), MANAGER: `${manager.address}:2377` }
    await this.#run(member, { command, environment })
  }

  /** One that is in no cluster stays as it is. */
  async leave(member: Member): Promise<void> {
    if ((await this.ownView(member)).state === 'inactive') return
    await this.#docker(member, ['swarm', 'leave', '--force'])
  }

  activate(manager: Member, nodeId: string): Promise<unknown> {
    return this.#docker(manager, ['node', 'update', '--availability', 'active', nodeId])
  }

  forget(manager: Member, nodeId: string): Promise<unknown> {
    return this.#docker(manager, ['node', 'rm', '--force', nodeId])
  }

  /** True once the manager says that it is ready; false where it does not say so in time. */
  async becomesReady(manager: Member, nodeId: string): Promise<boolean> {
    const until = systemClock.now() + readyWithinMs
    for (;;) {
      const view = (await this.managerView(manager)).find(({ id }) => id === nodeId)
      if (view?.status === 'Ready') return true
      if (systemClock.now() > until) return false
      await systemClock.sleep(200, this.#signal)
    }
  }

  #docker(member: Member, words: readonly string[]): Promise<string> {
    return this.#run(member, { command: ['docker', ...words] })
  }

  async #run(
    member: Member,
    what: { readonly command: readonly string[]; readonly environment?: Readonly<Record<string, string>> },
  ): Promise<string> {
    const options = { signal: this.#signal }
    const spec = { ...what, maxBytes: outputBytes }
    const { exitCode, stdout, stderr } = await this.#local.containers.exec(member.container, spec, options)
    if (exitCode === 0) return stdout
    throw new EngineError('failed', `${member.name}: ${oneLine(stderr || stdout, 500)}`)
  }
}
