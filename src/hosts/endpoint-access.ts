/** What opens the way to a named engine: keys, known hosts and certificates, where the clients of ssh and Docker keep theirs. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { EngineAccess } from '../engines/engine.ts'
import { type ClientFiles, contextHost, contextTlsFolder } from './docker-context.ts'
import type { HostProblem } from './problem.ts'

export type NamedEndpoint =
  | { readonly ok: true; readonly endpoint: string; readonly access: EngineAccess }
  | { readonly ok: false; readonly problem: HostProblem }

/** @param name `unix://…`, `tcp://…`, `ssh://…`, the path of a socket, or `context:NAME` */
export function namedEndpoint(name: string, files: ClientFiles): NamedEndpoint {
  if (!name.startsWith('context:')) {
    const endpoint = name.startsWith('/') ? `unix://${name}` : name
    return { ok: true, endpoint, access: accessTo(endpoint, files) }
  }
  const context = name.slice('context:'.length)
  const endpoint = contextHost(context, files)
  if (endpoint !== null) return { ok: true, endpoint, access: contextAccess(context, endpoint, files) }
  return {
    ok: false,
    problem: {
      kind: 'usage',
      message: `there is no Docker context named ${context}`,
      hint: 'docker context ls shows them; an endpoint such as unix:///var/run/docker.sock can be named directly.',
    },
  }
}

/** A context brings certificates of its own, and those that variables name are another engine's. */
function contextAccess(context: string, endpoint: string, files: ClientFiles): EngineAccess {
  const tlsFolder = contextTlsFolder(context, files)
  return endpoint.startsWith('tcp://') ? (existsSync(tlsFolder) ? { tlsFolder } : {}) : accessTo(endpoint, files)
}

/** As Docker's client has it: DOCKER_TLS_VERIFY asks for TLS, DOCKER_CERT_PATH says where the certificates are. */
export function accessTo(endpoint: string, files: ClientFiles): EngineAccess {
  const { env, home } = files
  if (endpoint.startsWith('tcp://')) {
    const asked = env['DOCKER_CERT_PATH'] || env['DOCKER_TLS_VERIFY']
    return asked ? { tlsFolder: env['DOCKER_CERT_PATH'] || env['DOCKER_CONFIG'] || join(home, '.docker') } : {}
  }
  if (!endpoint.startsWith('ssh://')) return {}
  const agentSocket = env['SSH_AUTH_SOCK']
  return {
    ssh: {
      // The client's own order. Source: ssh_config(5), IdentityFile.
      identityFiles: ['id_rsa', 'id_ecdsa', 'id_ed25519'].map((name) => join(home, '.ssh', name)),
      knownHostsFiles: [join(home, '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts'],
      ...(agentSocket ? { agentSocket } : {}),
    },
  }
}
