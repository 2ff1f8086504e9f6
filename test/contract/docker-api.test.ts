import { testEngine } from '../support/engine.ts'
import { engineContract } from './engine-contract.ts'

engineContract('Docker', testEngine)
