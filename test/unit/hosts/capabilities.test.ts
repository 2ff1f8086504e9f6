/** A nested host is asked to do without what this machine cannot give, in words that every engine knows. */
import { expect, test } from 'vitest'
import { missingCapabilities } from '../../../src/hosts/nested/capabilities.ts'

const status = (mask: string) => `Name:\tnode\nCapBnd:\t${mask}\nCapAmb:\t0000000000000000\n`

test('a machine with all of them lacks none', () => {
  expect(missingCapabilities(status('000001ffffffffff'))).toEqual([])
})

test('what is missing is named', () => {
  expect(missingCapabilities(status('000001fffeffffff'))).toEqual(['SYS_RESOURCE'])
})

test('inside a container, what Docker 20.10 does not know is not named: it would refuse the whole container', () => {
  expect(missingCapabilities(status('0000003ffeffffff'))).toEqual(['SYS_RESOURCE'])
})
