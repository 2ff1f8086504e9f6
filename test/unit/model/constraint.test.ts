import { expect, test } from 'vitest'
import { amountOf } from '../../../src/model/constraint.ts'

test.each([
  ['mem_limit', 1024 ** 3, '1 GiB'],
  ['mem_limit', 256 * 1024 ** 2, '256 MiB'],
  ['mem_limit', 1280 * 1024 ** 2, '1280 MiB'],
  ['memswap_limit', 100_000_000, '95.4 MiB'],
  ['tmpfs:/tmp', 512, '512 bytes'],
  ['shm_size', 64 * 1024, '64 KiB'],
  ['mem_limit', 0, '0 bytes'],
  ['stop_grace_period', 1500, '1.5 s'],
  ['pids_limit', 1024, '1024'],
  ['cpus', 0.5, '0.5'],
])('an amount of %s is told in its unit: %d', (key, value, told) => {
  expect(amountOf(key, value)).toBe(told)
})
