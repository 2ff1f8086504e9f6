/** Two command lines of the engine's own client, one that fails and one that passes, for anybody without Matrix. */
import type { Probe } from '../model/check.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { ReproductionRecord } from '../model/run-record.ts'
import { clientArguments, clientFlags, quote } from './client-flags.ts'
import type { Failure } from './probe.ts'

export interface ReproductionInput {
  readonly failing: RunnableCell
  readonly passing: RunnableCell
  readonly failure: Failure
  /** Id of the workload's image. */
  readonly imageId: string
  readonly engine: { readonly name: string; readonly endpoint: string }
  /** The variable of the shell that holds a secret. */
  readonly variableOf: (secret: string) => string
}

const closedNetwork = 'matrix-closed'
/** How often a readiness or a check is tried, a second apart. */
const tries = 30

/** Null where one container alone does not show it, or the failing check cannot be put as a command. */
export function reproductionOf(input: ReproductionInput): ReproductionRecord | null {
  const { failing, passing, failure } = input
  if (failing.copies.length !== 1 || passing.copies.length !== 1) return null
  const { stage, reason } = failure.answer
  if (stage === 'create' || stage === 'start' || (stage === 'ready' && ends(reason))) {
    const note = 'the first ends by itself with an error; the second runs until it is stopped'
    return { fails: foreground(failing, input), passes: foreground(passing, input), note: noted(note, input) }
  }
  const ending = endingOf(failing, input)
  if (ending === null) return null
  return {
    fails: background(failing, ending, input),
    passes: background(passing, ending, input),
    note: noted('exit code 0: it passes', input),
  }
}

const ends = (reason: string | null): boolean => reason === 'exited' || reason === 'oom-killed'

function noted(note: string, { failing, passing, engine }: ReproductionInput): string {
  const closed = [failing, passing].some(({ network }) => network.egress === 'none')
  return closed ? `${note}; ${client(engine)} network rm ${closedNetwork} removes its network` : note
}

/** `docker` or `podman`, with the endpoint where it is known and not the usual one. */
function client({ name, endpoint }: ReproductionInput['engine']): string {
  if (endpoint === '' || endpoint === 'unix:///var/run/docker.sock') return name
  return name === 'podman' ? `podman --url ${quote(endpoint)}` : `docker --host ${quote(endpoint)}`
}

function runWords(cell: RunnableCell, options: readonly string[], input: ReproductionInput): string {
  const [copy] = cell.copies
  if (copy === undefined) return ''
  const { config } = copy
  const isClosed = cell.network.egress === 'none' && config.constraints.network_mode === undefined
  const network = isClosed ? ['--network', closedNetwork] : []
  const flags = clientFlags(config, input.variableOf)
  return [
    client(input.engine),
    'run',
    ...options,
    ...network,
    ...flags,
    input.imageId,
    ...clientArguments(config),
  ].join(' ')
}

function withNetwork(cell: RunnableCell, input: ReproductionInput, command: string): string {
  if (cell.network.egress !== 'none') return command
  const engine = client(input.engine)
  return `${engine} network create --internal ${closedNetwork} >/dev/null 2>&1; ${command}`
}

function foreground(cell: RunnableCell, input: ReproductionInput): string {
  return withNetwork(cell, input, runWords(cell, ['--rm'], input))
}

/** Starts it, tries what has to hold, removes it, and ends with what came of it. */
function background(cell: RunnableCell, ending: string, input: ReproductionInput): string {
  const command = `id=$(${runWords(cell, ['--detach'], input)}); ${ending}; code=$?; ${client(input.engine)} rm --force --volumes "$id" >/dev/null; exit $code`
  return `(${withNetwork(cell, input, command)})`
}

/** What has to hold once it is started; null where a shell cannot ask it. */
function endingOf(cell: RunnableCell, input: ReproductionInput): string | null {
  const [copy] = cell.copies
  const { stage, message } = input.failure.answer
  const ready = copy?.readiness === undefined ? 'true' : asked(copy.readiness.probe, cell, input)
  if (ready === null) return null
  const engine = client(input.engine)
  if (stage === 'ready') return tried(ready)
  if (stage === 'stop') {
    const graceMs = cell.contract.stopsWithinMs ?? copy?.config.constraints.stop_grace_period ?? 10_000
    const stopped = `${engine} stop --time ${Math.ceil(graceMs / 1000)} "$id" >/dev/null`
    return `${tried(ready)} && ${stopped} && [ "$(${engine} inspect --format '{{.State.ExitCode}}' "$id")" != 137 ]`
  }
  if (stage !== 'check') return null
  const check =
    cell.checks.find(({ name }) => message?.includes(name)) ?? (cell.checks.length === 1 ? cell.checks[0] : undefined)
  const [step] = check?.steps ?? []
  if (step === undefined || check?.steps.length !== 1 || step.on !== undefined || step.act.kind !== 'exec') return null
  const question = asked(step.act as Probe, cell, input)
  return question === null ? null : `${tried(ready)} && ${question}`
}

const tried = (question: string): string =>
  `n=0; until ${question} || [ $((n += 1)) -ge ${tries} ]; do sleep 1; done; [ $n -lt ${tries} ]`

/** A question to the workload as a command that ends with 0 where the answer is right. */
function asked(probe: Probe, cell: RunnableCell, input: ReproductionInput): string | null {
  const engine = client(input.engine)
  const quiet = '>/dev/null 2>&1'
  const [copy] = cell.copies
  switch (probe.kind) {
    case 'exec':
      return `${engine} exec "$id" ${probe.command.map(quote).join(' ')} ${quiet}`
    case 'http': {
      const address = `$(${engine} inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$id")`
      const port = typeof probe.port === 'number' ? probe.port : copy?.config.ports[probe.port]
      return port === undefined
        ? null
        : `curl --fail --silent --max-time 5 "http://${address}:${port}${probe.path}" ${quiet}`
    }
    default:
      return null
  }
}
