import { testEngine } from '../support/engine.ts'
import { engineContract } from './engine-contract.ts'
import { relayContract } from './relay-contract.ts'

engineContract('Docker', testEngine)
relayContract('Docker', testEngine)
