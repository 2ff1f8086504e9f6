/** An image that stands for one that is published, as `docker:26-dind` is: a nested engine's own under such a name. */
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import { testEngine } from './engine.ts'
import { rootImageOf } from './hosts.ts'

const signal = new AbortController().signal

/** @param reference with a tag; no registry needs to have it */
export async function publish(reference: string): Promise<void> {
  const made = await rootImageOf({ kind: 'nested', engine: 'docker', release: 'trixie', rootless: false })
  await using engine = await testEngine()
  await using local = connectDocker(engine.endpoint)
  const at = reference.lastIndexOf(':')
  const [repo, tag] = [reference.slice(0, at), reference.slice(at + 1)]
  await local.ask({ method: 'POST', path: `/images/${made}/tag?repo=${encodeURIComponent(repo)}&tag=${tag}`, signal })
}

/** The name alone goes. */
export async function withdraw(reference: string): Promise<void> {
  await using engine = await testEngine()
  await using local = connectDocker(engine.endpoint)
  await local.ask({ method: 'DELETE', path: `/images/${reference}`, signal })
}
