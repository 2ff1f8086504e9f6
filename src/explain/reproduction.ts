/** Two command lines of the engine's own client, one that fails and one that passes, for anybody without Matrix. */
import type { ExecProbe, HttpProbe, Probe, Vantage } from '../model/check.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { ReproductionRecord } from '../model/run-record.ts'
import { networkSysctls, reachesNothing } from '../run/network/imposed.ts'
import { readyWithinMs } from '../run/readiness.ts'
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

/** Of the addresses that are for networks of one's own. Source: RFC 4193. */
const ipv6Subnet = 'fd6d:6174:7269:78::/64'
/** Where it is not its becoming ready that fails it may take so long at the least. */
const patienceMs = 30_000

/** The two command lines, or why there are none. */
export type Reproduced =
  | { readonly made: ReproductionRecord; readonly why: null }
  | { readonly made: null; readonly why: string }

export function reproductionOf(input: ReproductionInput): Reproduced {
  const { failing, passing, failure } = input
  if (failing.copies.length !== 1 || passing.copies.length !== 1) {
    return { made: null, why: 'one container alone does not show it' }
  }
  const { stage, reason } = failure.answer
  if (stage === 'create' || stage === 'start' || (stage === 'ready' && ends(reason))) {
    const note = 'the first ends by itself with an error; the second runs until it is stopped'
    return told(foreground(failing, input), foreground(passing, input), noted(note, input))
  }
  const ending = endingOf(failing, input)
  if (ending === null) {
    const judge = stage === 'ready' ? 'readiness' : 'check'
    return { made: null, why: `a shell would judge something else than the ${judge} did` }
  }
  const note = noted('exit code 0: it passes', input)
  return told(background(failing, ending, input), background(passing, ending, input), note)
}

const told = (fails: string, passes: string, note: string): Reproduced =>
  fails === passes
    ? { made: null, why: 'the engine’s own client has no word for what makes the difference' }
    : { made: { fails, passes, note }, why: null }

const ends = (reason: string | null): boolean => reason === 'exited' || reason === 'oom-killed'

function noted(note: string, { failing, passing, engine }: ReproductionInput): string {
  const networks = [failing, passing].map((cell) => networkOf(cell, engine))
  const names = new Set(networks.flatMap((network) => (network?.options ? [network.name] : [])))
  if (names.size === 0) return note
  const whose = names.size === 1 ? 'its network' : 'their networks'
  return `${note}; ${client(engine)} network rm ${[...names].join(' ')} removes ${whose}`
}

/**
 * The network that a cell's container needs where the engine's usual one will not do; null where it will. `options`: what it
 * is created with; null for one that every engine has.
 */
function networkOf(
  cell: RunnableCell,
  { name }: ReproductionInput['engine'],
): { readonly name: string; readonly options: readonly string[] | null } | null {
  const { egress, mtu, ipv6 } = cell.network
  if (cell.copies[0]?.config.constraints.network_mode !== undefined) return null
  if (reachesNothing(cell)) return { name: 'none', options: null }
  const mtuOption = name === 'podman' ? 'mtu' : 'com.docker.network.driver.mtu'
  const parts = [
    ...(egress === 'none' ? [{ name: 'closed', options: ['--internal'] }] : []),
    ...(mtu === undefined ? [] : [{ name: `mtu-${mtu}`, options: ['--opt', `${mtuOption}=${mtu}`] }]),
    ...(ipv6 === 'on' ? [{ name: 'ipv6', options: ['--ipv6', '--subnet', ipv6Subnet] }] : []),
  ]
  if (parts.length === 0) return null
  const named = ['matrix', ...parts.map((part) => part.name)].join('-')
  return { name: named, options: parts.flatMap(({ options }) => options) }
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
  const own = networkOf(cell, input.engine)
  const network = own === null ? [] : ['--network', own.name]
  const settings = Object.entries(networkSysctls(cell)).flatMap(([name, value]) => ['--sysctl', `${name}=${value}`])
  const flags = clientFlags(config, input.variableOf)
  return [
    client(input.engine),
    'run',
    ...options,
    ...network,
    ...settings,
    ...flags,
    input.imageId,
    ...clientArguments(config),
  ].join(' ')
}

function withNetwork(cell: RunnableCell, input: ReproductionInput, command: string): string {
  const network = networkOf(cell, input.engine)
  if (!network?.options) return command
  const create = [client(input.engine), 'network', 'create', ...network.options, network.name].join(' ')
  return `${create} >/dev/null 2>&1; ${command}`
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
  const { stage, check: failed } = input.failure.answer
  const ready = copy?.readiness === undefined ? 'true' : asked(copy.readiness, cell, input)
  if (ready === null) return null
  const engine = client(input.engine)
  const withinMs = copy?.readiness === undefined ? 0 : readyWithinMs(copy.readiness, cell)
  if (stage === 'ready') return tried(ready, withinMs)
  const isReady = tried(ready, Math.max(withinMs, patienceMs))
  if (stage === 'stop') {
    const graceMs = cell.contract.stopsWithinMs ?? copy?.config.constraints.stop_grace_period ?? 10_000
    const stopped = `${engine} stop --time ${Math.ceil(graceMs / 1000)} "$id" >/dev/null`
    return `${isReady} && ${stopped} && [ "$(${engine} inspect --format '{{.State.ExitCode}}' "$id")" != 137 ]`
  }
  if (stage !== 'check') return null
  const named = cell.checks.filter(({ name }) => name === failed)
  const check = named.length === 1 ? named[0] : undefined
  const [step] = check?.steps ?? []
  if (step === undefined || check?.steps.length !== 1 || step.on !== undefined || step.act.kind !== 'exec') return null
  if (step.eventuallyMs !== undefined) return null
  const question = asked({ probe: step.act, from: step.from }, cell, input)
  return question === null ? null : `${isReady} && ${question}`
}

/** Asked once a second until it holds; `yes` only where that was in time. */
const tried = (question: string, withinMs: number): string =>
  `until=$(($(date +%s) + ${Math.ceil(withinMs / 1000)})); is=no; while [ $(date +%s) -le $until ]; do ${question} && { is=yes; break; }; sleep 1; done; [ $is = yes ]`

interface Question {
  readonly probe: Probe
  readonly from: Vantage
}

/** A question as a command that ends with 0 where the answer is right; null where it would judge something else. */
function asked({ probe, from }: Question, cell: RunnableCell, input: ReproductionInput): string | null {
  if (probe.kind === 'exec' && from === 'container') return command(probe, input)
  if (probe.kind === 'http' && from === 'probe') return request(probe, cell, input)
  return null
}

/** From here on an exit code is the client's own, or that of a command that is not there. */
const clientsOwn = 125

function command({ command: words, user, workdir, expect }: ExecProbe, input: ReproductionInput): string | null {
  const { exit_code: code, stdout, stderr } = expect
  if (stdout !== undefined || stderr !== undefined || typeof code !== 'number' || code >= clientsOwn) return null
  const flags = [
    ...(user === undefined ? [] : ['--user', quote(user)]),
    ...(workdir === undefined ? [] : ['--workdir', quote(workdir)]),
  ]
  const run = [client(input.engine), 'exec', ...flags, '"$id"', ...words.map(quote), '>/dev/null 2>&1'].join(' ')
  return code === 0 ? run : `{ ${run}; [ $? -eq ${code} ]; }`
}

/** Only what a plain request shows: its status. */
function request(probe: HttpProbe, cell: RunnableCell, input: ReproductionInput): string | null {
  const { method, path, headers, json, form, body, redirects, tls, expect, port: name } = probe
  const { status, ...more } = expect
  const port = cell.copies[0]?.config.ports[name]
  const isPlain =
    method === 'GET' && Object.keys(headers).length === 0 && redirects === 0 && tls === undefined && port !== undefined
  const hasBody = json !== undefined || form !== undefined || body !== undefined
  const judgesMore = Object.values(more).some((matcher) => matcher !== undefined)
  if (!isPlain || hasBody || judgesMore || typeof status !== 'number') return null
  const address = `$(${client(input.engine)} inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$id")`
  const curl = `curl --silent --globoff --path-as-is --max-time 5 --output /dev/null --write-out '%{http_code}'`
  return `[ "$(${curl} "http://${address}:${port}"${quote(path)})" = ${status} ]`
}
