/** OpenSSH's server on the loopback, with keys of its own, in front of a local engine's socket. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SshAccess } from '../../src/engines/engine.ts'

export interface SshServer extends AsyncDisposable {
  readonly port: number
  readonly access: SshAccess
  /** The folder of its keys, for files that a test adds. */
  readonly folder: string
  /** What the program has to be given so that it finds the keys. */
  readonly environment: { readonly HOME: string; readonly SSH_AUTH_SOCK: string }
  /** `ssh://` to a socket through this server. */
  endpoint(socketPath: string): string
  /** The connections that stand, each by the process that serves it. */
  sessions(): Promise<readonly number[]>
  /** Cuts every connection that stands; new ones are taken. */
  cut(): Promise<void>
  /** Ends the server, and with it what stands. */
  stop(): Promise<void>
  start(): Promise<void>
}

const run = promisify(execFile)

/** @throws where OpenSSH's server is not installed. */
export async function startSshServer(): Promise<SshServer> {
  const program = '/usr/sbin/sshd'
  if (!existsSync(program)) throw new Error('sshd is missing; run: apt-get install -y openssh-server')
  const folder = mkdtempSync(join(tmpdir(), 'matrix-sshd-'))
  // The server's own folder for its unprivileged part, which its package's service makes otherwise.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const file = (name: string) => join(folder, name)
  for (const name of ['host', 'user']) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)])
  copyFileSync(file('user.pub'), file('authorized_keys'))
  const port = await freePort()
  const config = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    // The folder of the keys is below one that everybody may write to.
    'StrictModes no',
    'UsePAM no',
    `PidFile ${file('pid')}`,
  ]
  writeFileSync(file('config'), `${config.join('\n')}\n`)
  writeFileSync(file('known_hosts'), `[127.0.0.1]:${port} ${readFileSync(file('host.pub'), 'utf8')}`)
  mkdirSync(file('home/.ssh'), { recursive: true, mode: 0o700 })
  copyFileSync(file('user'), file('home/.ssh/id_ed25519'))
  copyFileSync(file('known_hosts'), file('home/.ssh/known_hosts'))

  let server: ChildProcess | undefined
  const start = async () => {
    // A test that is killed ends nothing itself.
    const command = ['--pdeathsig', 'KILL', program, '-D', '-e', '-f', file('config')]
    const started = spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    await new Promise<void>((resolve, reject) => {
      started.once('exit', () => reject(new Error(`sshd ended: ${said}`)))
      started.stderr.on('data', (chunk) => {
        said += chunk
        if (said.includes(`Server listening on 127.0.0.1 port ${port}`)) resolve()
      })
    })
    server = started
  }
  const sessions = async (): Promise<readonly number[]> => {
    const { stdout } = await run('ps', ['-o', 'pid=', '--ppid', String(server?.pid)]).catch(() => ({ stdout: '' }))
    return stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : [Number(line)]))
  }
  const cut = async () => {
    for (const pid of await sessions()) process.kill(pid, 'SIGKILL')
  }
  const stop = async () => {
    await cut()
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGTERM')
    await ended
  }
  await start()
  return {
    port,
    folder,
    environment: { HOME: file('home'), SSH_AUTH_SOCK: '' },
    access: { identityFiles: [file('user')], knownHostsFiles: [file('known_hosts')] },
    endpoint: (socketPath) => `ssh://${userInfo().username}@127.0.0.1:${port}${socketPath}`,
    sessions,
    cut,
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}
