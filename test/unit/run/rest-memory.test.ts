import { expect, test } from 'vitest'
import { parseRestMemory } from '../../../src/run/rest-memory.ts'

test('memory at rest is what a cgroup holds without idle files, of either version', () => {
  const first = '3000000\ncache 500\ninactive_file 7\ntotal_inactive_file 1000000\n'
  expect(parseRestMemory(first)).toBe(2000000)
  expect(parseRestMemory('3000000\nanon 1\ninactive_file 500000\n')).toBe(2500000)
})

test('a text that is no cgroup’s says nothing', () => {
  expect(parseRestMemory('')).toBeNull()
  expect(parseRestMemory("cat: can't open 'memory.current'")).toBeNull()
})
