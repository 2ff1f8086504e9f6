/** What `matrix doctor` finds of the registries that the project hands its images over through. */
import { join } from 'node:path'
import { type RegistryAnswer, registryAnswer } from '../images/registry-answer.ts'
import { namesIn, readOr } from '../lib/files.ts'
import type { Project, Registry } from '../model/project.ts'
import type { Finding } from './doctor-hosts.ts'

const answersWithinMs = 4_000
/** Whom engines on this machine trust. Sources: Debian's ca-certificates; Docker's manual, certificates of the engine. */
const bundle = '/etc/ssl/certs/ca-certificates.crt'
const certificatesFolder = '/etc/docker/certs.d'

/** One each. Engines may reach what this machine does not, and a run sends images without any: nothing is missing. */
export async function registryFindings(
  { registry, environments }: Project,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  const named = [registry, ...environments.map((environment) => environment.registry)].flatMap((one) => one ?? [])
  const distinct = new Map(named.map((one) => [one.address, one]))
  return Promise.all([...distinct.values()].map((one) => findingOf(one, signal)))
}

async function findingOf(registry: Registry, signal: AbortSignal): Promise<Finding> {
  const server = registry.address.split('/', 1)[0] ?? registry.address
  const ofServer = join(certificatesFolder, server)
  const named = namesIn(ofServer).filter((name) => name.endsWith('.crt'))
  const files = [
    bundle,
    ...named.map((name) => join(ofServer, name)),
    ...(registry.authority === undefined ? [] : [registry.authority]),
  ]
  const authorities = files.map((file) => readOr(file, '')).filter((text) => text !== '')
  const answer = await registryAnswer(server, { authorities, signal, withinMs: answersWithinMs })
  return { name: 'registry', ...toldOf(answer, registry) }
}

function toldOf(answer: RegistryAnswer, { address, login, authority }: Registry): Omit<Finding, 'name'> {
  if (answer.kind === 'answers') {
    const isShut = answer.asksForLogin && login === undefined
    if (!isShut) return { state: 'ok', value: `${address} answers` }
    const mend = `registry: { address: ${address}, login: { username: NAME, password: { secret: NAME } } }`
    return { state: 'note', value: `${address} answers, and asks for a login; images are sent without it`, mend }
  }
  const value = `${address}: ${answer.why}; images are sent without it`
  if (answer.kind === 'silent') return { state: 'note', value, mend: `curl -i https://${address.split('/', 1)[0]}/v2/` }
  const mend =
    authority === undefined
      ? `registry: { address: ${address}, authority: FILE } with the certificates (PEM) that sign its own`
      : `authority: ${authority} has to hold the certificates (PEM) that sign its own`
  return { state: 'note', value, mend }
}
