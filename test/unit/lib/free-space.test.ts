/** What is free on a disk is told by whatever `df` the image of an engine brings. */
import { expect, test } from 'vitest'
import { freeSpaceCommand, freeSpaceIn } from '../../../src/lib/free-space.ts'

test('the question is one that every df knows', () => {
  // That of Alpine, which published engines are made of, has no --output.
  expect(freeSpaceCommand('/var/lib/docker')).toEqual(['df', '-P', '-k', '/var/lib/docker'])
})

test.each([
  [
    'coreutils',
    'Filesystem     1024-blocks      Used Available Capacity Mounted on\n/dev/vda1 50620216 4194304 16384 100% /data\n',
  ],
  [
    'busybox',
    'Filesystem           1024-blocks    Used Available Capacity Mounted on\n/dev/vda1  50620216   4194304     16384 100% /data\n',
  ],
])('of %s', (_, stdout) => {
  expect(freeSpaceIn(stdout)).toBe(16 * 1024 ** 2)
})

test('what is no such table tells nothing', () => {
  expect(freeSpaceIn('df: /none: No such file or directory')).toBeNull()
  expect(freeSpaceIn('')).toBeNull()
})
