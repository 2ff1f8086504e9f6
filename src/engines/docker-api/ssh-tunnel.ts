/** One held ssh connection to an engine's host; every request to the engine is a channel on it. */
import ssh2, { type AnyAuthMethod, type Client, type ConnectConfig } from 'ssh2'
import { readOr } from '../../lib/files.ts'
import { EngineError, type SshAccess } from '../engine.ts'
import { ChannelSocket } from './channel-socket.ts'
import { algorithmsOf, fingerprint, type KnownKey, keyType, knownKeys } from './known-hosts.ts'

/** Where a remote engine listens, as `ssh://user@host:port/path/of.sock` says it. */
export interface SshTarget {
  readonly user: string
  readonly host: string
  readonly port: number
  readonly socketPath: string
}

const readyWithinMs = 30_000
// A host that vanished is noticed within 40 s; one that is merely slow has that long to say something.
const keepaliveMs = 10_000
const keepalivesMissed = 4

/** @throws EngineError where the address cannot be used. */
export function sshTarget(endpoint: string, defaultUser: string): SshTarget {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || url.hostname === '') {
    throw new EngineError('rejected', `${endpoint} is no address of the form ssh://user@host:port/path/of.sock`)
  }
  if (url.password !== '') {
    throw new EngineError('rejected', `the address of ${url.hostname} holds a password`, {
      hint: 'Use a key: ssh-copy-id brings yours there.',
    })
  }
  return {
    user: decodeURIComponent(url.username) || defaultUser,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || 22,
    socketPath: url.pathname.length > 1 ? decodeURIComponent(url.pathname) : '/var/run/docker.sock',
  }
}

interface Connection {
  readonly client: Client
  readonly sockets: Set<ChannelSocket>
}

export class SshTunnel {
  readonly #target: SshTarget
  readonly #access: SshAccess
  #held: Promise<Connection> | undefined

  constructor(target: SshTarget, access: SshAccess) {
    this.#target = target
    this.#access = access
  }

  /** A new stream to the engine's socket. Connects where no connection is held. Rejects with `EngineError`. */
  async open(): Promise<ChannelSocket> {
    const { client, sockets } = await (this.#held ?? this.#hold())
    const { socketPath, host } = this.#target
    return new Promise((resolve, reject) => {
      const refuse = (error: Error) => reject(channelError(error, { socketPath, host }))
      try {
        client.openssh_forwardOutStreamLocal(socketPath, (error, channel) => {
          if (error) return refuse(error)
          const socket = new ChannelSocket(channel)
          sockets.add(socket)
          socket.once('close', () => sockets.delete(socket))
          resolve(socket)
        })
      } catch (error) {
        // The connection broke a moment ago, and nobody was told yet.
        refuse(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }

  async close(): Promise<void> {
    const held = await this.#held?.catch(() => undefined)
    this.#held = undefined
    held?.client.end()
  }

  #hold(): Promise<Connection> {
    const forget = () => {
      if (this.#held === held) this.#held = undefined
    }
    const held = connect(this.#target, this.#access, forget)
    held.catch(forget)
    this.#held = held
    return held
  }
}

/** @param onEnd called when the connection breaks or ends, before its streams hear of it */
function connect(target: SshTarget, access: SshAccess, onEnd: () => void): Promise<Connection> {
  const { host, port } = target
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client()
    const sockets = new Set<ChannelSocket>()
    let refusal: EngineError | undefined
    const end = (error: EngineError) => {
      onEnd()
      reject(error)
      for (const socket of sockets) socket.sever(error)
    }
    client.once('ready', () => resolve({ client, sockets }))
    client.on('error', (error) => end(refusal ?? connectError(error, target, access)))
    client.on('close', () => end(refusal ?? new EngineError('unreachable', `the ssh connection to ${host} broke`)))
    const { config, check } = configOf(target, access)
    const hostVerifier = (key: Buffer) => {
      refusal = check(key)
      return refusal === undefined
    }
    try {
      client.connect({ ...config, hostVerifier })
    } catch (error) {
      const text = `${host}:${port} cannot be connected to: ${String(error)}`
      reject(new EngineError('rejected', text, { cause: error }))
    }
  })
}

function configOf(
  target: SshTarget,
  access: SshAccess,
): { readonly config: ConnectConfig; readonly check: (key: Buffer) => EngineError | undefined } {
  const { host, port, user } = target
  const { knownHostsFiles, agentSocket } = access
  const known = knownHostsFiles.flatMap((file) => knownKeys(readOr(file), { name: host, port }))
  const types = known.filter((key) => !key.revoked).map((key) => key.type)
  if (types.length === 0) throw unknownHost(target, knownHostsFiles)
  const methods: AnyAuthMethod[] = [
    ...(agentSocket === undefined ? [] : [{ type: 'agent' as const, username: user, agent: agentSocket }]),
    ...access.identityFiles.flatMap(usableKey).map((key) => ({ type: 'publickey' as const, username: user, key })),
  ]
  return {
    check: (key) => hostKeyProblem(key, known, { host, files: knownHostsFiles }),
    config: {
      host,
      port,
      username: user,
      readyTimeout: readyWithinMs,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: keepalivesMissed,
      // A key of another kind than the known ones proves nothing, so it is not asked for.
      algorithms: { serverHostKey: [...new Set(types.flatMap(algorithmsOf))] as never },
      authHandler: methods,
    },
  }
}

/** Nothing where the file is missing, or its key asks for a passphrase: an agent can hold such a one. */
function usableKey(file: string): readonly string[] {
  const text = readOr(file)
  return ssh2.utils.parseKey(text) instanceof Error ? [] : [text]
}

function hostKeyProblem(
  key: Buffer,
  known: readonly KnownKey[],
  where: { readonly host: string; readonly files: readonly string[] },
): EngineError | undefined {
  const same = known.filter((candidate) => candidate.blob.equals(key))
  if (same.some((candidate) => candidate.revoked)) {
    return new EngineError(
      'rejected',
      `the host key of ${where.host} is marked as revoked in ${where.files.join(', ')}`,
    )
  }
  if (same.length > 0) return undefined
  const type = keyType(key)
  const expected = known.filter((candidate) => candidate.type === type).map(({ blob }) => fingerprint(blob))
  return new EngineError(
    'rejected',
    `the host key of ${where.host} is not the known one: expected ${expected.join(' or ')}, found ${fingerprint(key)} (${type})`,
    {
      hint: `Another machine may be answering in its place. If its key was changed on purpose, correct it in ${where.files.join(', ')}.`,
    },
  )
}

function unknownHost({ host, port, user }: SshTarget, files: readonly string[]): EngineError {
  return new EngineError('rejected', `no host key is known for ${host}:${port} in ${files.join(', ')}`, {
    hint: `Connect once by hand, compare the fingerprint with the host's own, and accept it: ssh -p ${port} ${user}@${host}`,
  })
}

function connectError(error: Error & { readonly level?: string }, target: SshTarget, access: SshAccess): EngineError {
  const at = `${target.user}@${target.host}:${target.port}`
  if (error.level === 'client-authentication') {
    const tried = [
      ...(access.agentSocket === undefined ? [] : ['the agent']),
      ...access.identityFiles.filter((file) => usableKey(file).length > 0),
    ]
    return new EngineError('rejected', `${at} takes none of the keys: ${tried.join(', ') || 'there are none'}`, {
      cause: error,
      hint: `Bring your key there with ssh-copy-id, or load it into an agent (ssh-add) where it has a passphrase.`,
    })
  }
  if (/no matching host key format/i.test(error.message)) {
    const files = access.knownHostsFiles.join(', ')
    return new EngineError('rejected', `${target.host} has no host key of the kind that is known in ${files}`, {
      cause: error,
      hint: 'Another machine may be answering in its place. If its keys were changed on purpose, correct that file.',
    })
  }
  return new EngineError('unreachable', `${at} cannot be reached by ssh: ${error.message}`, { cause: error })
}

/** Reasons for not opening a channel: RFC 4254, section 5.1. */
function channelError(
  error: Error & { readonly reason?: unknown },
  { host, socketPath }: { readonly host: string; readonly socketPath: string },
): EngineError {
  if (error.reason === 1) {
    return new EngineError('rejected', `the ssh server of ${host} does not forward to ${socketPath}`, {
      cause: error,
      hint: 'Its sshd_config needs AllowStreamLocalForwarding yes.',
    })
  }
  if (error.reason === 2) {
    return new EngineError('unreachable', `no engine answers at ${socketPath} on ${host}`, {
      cause: error,
      hint: 'Is it running, may this user open its socket, and is the path right? ssh://user@host/path/of.sock names another.',
    })
  }
  return new EngineError('unreachable', `the ssh connection to ${host} broke: ${error.message}`, { cause: error })
}
