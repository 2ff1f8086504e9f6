/** From an endpoint and what opens the way to it, to a client that speaks with that engine. */
import { readFileSync } from 'node:fs'
import { Agent, type ClientRequestArgs } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import Dockerode from 'dockerode'
import { type EngineAccess, EngineError } from '../engine.ts'
import { SshTunnel, sshTarget } from './ssh-tunnel.ts'

export interface Transport {
  readonly docker: Dockerode
  close(): Promise<void>
}

/** @throws EngineError where the endpoint or what opens the way to it cannot be used. */
export function transportTo(endpoint: string, access: EngineAccess): Transport {
  if (endpoint.startsWith('unix://')) return local({ socketPath: endpoint.slice('unix://'.length) })
  if (endpoint.startsWith('ssh://')) return overSsh(endpoint, access)
  if (endpoint.startsWith('tcp://')) return local(overTcp(endpoint, access))
  throw new EngineError('rejected', `${endpoint} is no address of an engine`, {
    hint: 'It is unix:///path/of.sock, tcp://host:port, ssh://user@host, or context:NAME.',
  })
}

function local(options: Dockerode.DockerOptions): Transport {
  const agent = options.protocol === 'https' ? new TlsAgent({ keepAlive: false }) : new Agent({ keepAlive: false })
  return { docker: client(options, agent), close: async () => {} }
}

/**
 * What the client would take from the environment is denied to it: DOCKER_HOST would override what is asked for. Each request
 * has a connection of its own: one that is kept may be closed by the engine just when the next request is written to it.
 */
function client(options: Dockerode.DockerOptions, agent: Agent): Dockerode {
  const denied = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined }
  const rest = { pathPrefix: '/', protocol: 'http', ...options, agent: briefly(agent) }
  return new Dockerode({ ...denied, ...rest } as Dockerode.DockerOptions)
}

/**
 * For each request the client writes its agent out, to any depth and with every connection that stands, into a line of
 * debugging that nobody reads: most of the time of a whole run. Source: docker-modem, lib/modem.js, buildRequest.
 */
function briefly(agent: Agent): Agent {
  return Object.defineProperty(agent, inspect.custom, { value: () => 'an agent' })
}

function overSsh(endpoint: string, access: EngineAccess): Transport {
  const ssh = access.ssh ?? { identityFiles: [], knownHostsFiles: [] }
  const tunnel = new SshTunnel(sshTarget(endpoint, userInfo().username), ssh)
  const agent = new TunnelAgent(tunnel)
  return {
    docker: client({ host: 'engine', port: 80 }, agent),
    async close() {
      agent.destroy()
      await tunnel.close()
    },
  }
}

class TunnelAgent extends Agent {
  readonly #tunnel: SshTunnel
  constructor(tunnel: SshTunnel) {
    super({ keepAlive: false })
    this.#tunnel = tunnel
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#tunnel.open().then(
      (socket) => done?.(null, socket),
      (error) => done?.(error, undefined as never),
    )
  }
}

function overTcp(endpoint: string, access: EngineAccess): Dockerode.DockerOptions {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || url.hostname === '') {
    throw new EngineError('rejected', `${endpoint} is no address of the form tcp://host:port`)
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (access.tlsFolder === undefined) return { host, port: Number(url.port) || 2375, protocol: 'http' }
  const { tlsFolder } = access
  const file = (name: string) => {
    try {
      return readFileSync(join(tlsFolder, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new EngineError('rejected', `${join(tlsFolder, name)} cannot be read: ${String(error)}`, { cause: error })
    }
  }
  const [ca, cert, key] = [file('ca.pem'), file('cert.pem'), file('key.pem')]
  if ((cert === undefined) !== (key === undefined)) {
    throw new EngineError('rejected', `${tlsFolder} holds only one of cert.pem and key.pem`)
  }
  return { host, port: Number(url.port) || 2376, protocol: 'https', ca, cert, key } as Dockerode.DockerOptions
}
