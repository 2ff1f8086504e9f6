/** Which bridges are an engine's is told by its records: others of the same form are not touched. */
import { expect, test } from 'vitest'
import { ownBridges } from '../../../src/hosts/embedded-devices.ts'

const id = '6f25475df0be'.padEnd(64, '0')
const records = `\0{"com.docker.network.bridge.name":"docker0"},"id":"${id}"\0"nid":"${'1'.repeat(64)}"`
const devices = ['lo', 'eth0', 'docker0', 'br-6f25475df0be', 'br-111111111111', 'br-lan', 'docker1']

test('those that it made', () => {
  expect(ownBridges(devices, records)).toEqual(['docker0', 'br-6f25475df0be'])
})

test('none where there are no records', () => {
  expect(ownBridges(devices, '')).toEqual([])
})
