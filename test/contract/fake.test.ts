import { createFakeEngine } from '../../src/engines/fake/fake-engine.ts'
import { engineContract, fakePrograms } from './engine-contract.ts'

engineContract('fake', async () => createFakeEngine(fakePrograms))
