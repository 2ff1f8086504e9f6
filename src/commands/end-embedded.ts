/** Ends the embedded engine, which is one a machine: not while somebody else's run or host is in it. */
import { connectDocker } from '../engines/docker-api/connect.ts'
import { stopEmbedded } from '../hosts/embedded-down.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import { embeddedPid } from '../hosts/embedded-process.ts'
import { allHosts } from '../hosts/host-record.ts'
import { rootsOfLiveRuns } from '../hosts/live-runs.ts'
import { ping } from '../hosts/ping.ts'
import { ownerState } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { Io } from './io.ts'
import { reportProblem } from './open-engine.ts'

/** Exit 3 where it stays. @param purge its images and data go too */
export async function endEmbedded(io: Io, { purge }: { readonly purge: boolean }): Promise<number> {
  const paths = embeddedPaths(io.env)
  const user = await otherUser(io)
  if (user !== null) {
    io.stderr(printable(`matrix: the embedded engine stays: ${user}\n`))
    return 3
  }
  const onProgress = (text: string) => io.stderr(printable(`${text}\n`))
  const result = await stopEmbedded({ env: io.env, purge, signal: io.signal, onProgress })
  if (!result.ok) return reportProblem(result.problem, io)
  io.stdout(result.stopped ? `stopped the embedded engine at ${paths.endpoint}\n` : 'no embedded engine was running\n')
  if (result.purged) io.stdout(`deleted ${paths.dataRoot}\n`)
  return 0
}

async function otherUser(io: Io): Promise<string | null> {
  const paths = embeddedPaths(io.env)
  const [root] = rootsOfLiveRuns(io.env)
  // One that is about to start it, too.
  if (root !== undefined) return `a run of ${root} lives and may use it; run this again when that has ended`
  if (embeddedPid(paths) === null || !(await ping(paths.endpoint, io)).answers) return null
  await using engine = connectDocker(paths.endpoint)
  for (const { name, labels } of await engine.list('container', { 'matrix.owner': '' }, io)) {
    const { 'matrix.role': role, 'matrix.project': project, 'matrix.owner': owner = '' } = labels
    if (role === 'host' && project !== projectIdOf(io.cwd)) {
      const root = allHosts(io.env).find((host) => projectIdOf(host.root) === project)?.root
      return `${name} is a host of another project; matrix env down, in ${root ?? "that one's folder"}, takes it away`
    }
    if (role !== 'host' && ownerState(owner) === 'alive') {
      return 'a run that lives uses it; run this again when that has ended'
    }
  }
  return null
}
