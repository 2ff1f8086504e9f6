/** Where the embedded engine keeps its things; one place a machine, so that later runs find it again. */
import { join } from 'node:path'

export interface EmbeddedPaths {
  readonly stateDir: string
  readonly runDir: string
  readonly dataRoot: string
  readonly execRoot: string
  readonly pidFile: string
  readonly socket: string
  readonly endpoint: string
  readonly log: string
  readonly config: string
  readonly lock: string
  /** What was in the machine's network before the engine started. */
  readonly networkBefore: string
  /** Written where the distribution's service was started by our own installation of its package. */
  readonly serviceMark: string
}

/** Of the containerd that the engine starts for itself where no other runs. */
export const containerdSocket = ({ execRoot }: EmbeddedPaths): string => join(execRoot, 'containerd/containerd.sock')

/** `MATRIX_ENGINE_DIR` moves all of it into one other folder. */
export function embeddedPaths(env: Readonly<Record<string, string | undefined>>): EmbeddedPaths {
  const other = env['MATRIX_ENGINE_DIR']
  const stateDir = other || '/var/lib/matrix/engine'
  const runDir = other ? join(other, 'run') : '/run/matrix/engine'
  const socket = join(runDir, 'docker.sock')
  return {
    stateDir,
    runDir,
    dataRoot: join(stateDir, 'data'),
    execRoot: join(runDir, 'exec'),
    pidFile: join(runDir, 'docker.pid'),
    socket,
    endpoint: `unix://${socket}`,
    log: join(stateDir, 'dockerd.log'),
    config: join(runDir, 'daemon.json'),
    lock: join(runDir, 'lock'),
    networkBefore: join(runDir, 'network-before.json'),
    serviceMark: join(stateDir, 'service'),
  }
}
