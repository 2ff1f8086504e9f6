import { afterAll } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import { testEngine } from '../support/engine.ts'
import { type SshServer, startSshServer } from '../support/ssh-server.ts'
import { engineContract } from './engine-contract.ts'
import { relayContract } from './relay-contract.ts'

let server: SshServer | undefined
afterAll(() => server?.[Symbol.asyncDispose]())

async function open() {
  await using local = await testEngine()
  server ??= await startSshServer()
  return connectDocker(server.endpoint(local.endpoint.slice('unix://'.length)), { ssh: server.access })
}

engineContract('Docker over ssh', open)
relayContract('Docker over ssh', open)
