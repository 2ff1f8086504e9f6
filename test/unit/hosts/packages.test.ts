/** What is installed is enough for what it is installed for. */
import { expect, test } from 'vitest'
import { installCommand } from '../../../src/hosts/packages.ts'

test('a root file system of Debian is made on Ubuntu too, which lacks the keys of its packages', () => {
  expect(installCommand(['mmdebstrap', 'busybox'])).toMatch(/ mmdebstrap debian-archive-keyring busybox-static$/)
})
