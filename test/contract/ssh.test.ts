import { afterAll } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import { testEngine } from '../support/engine.ts'
import { type SshServer, startSshServer } from '../support/ssh-server.ts'
import { engineContract } from './engine-contract.ts'

let server: SshServer | undefined
afterAll(() => server?.[Symbol.asyncDispose]())

engineContract('Docker over ssh', async () => {
  await using local = await testEngine()
  server = await startSshServer()
  return connectDocker(server.endpoint(local.endpoint.slice('unix://'.length)), { ssh: server.access })
})
