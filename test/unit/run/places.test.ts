import { describe, expect, test } from 'vitest'
import type { Copy } from '../../../src/model/plan.ts'
import { claimOf, placesOf } from '../../../src/run/places.ts'

const MiB = 1024 ** 2
const copies = (...limits: readonly (number | undefined)[]) =>
  limits.map((limit) => ({ config: { constraints: limit === undefined ? {} : { mem_limit: limit * MiB } } }) as Copy)

describe('what a cell takes of a machine', () => {
  const claim = (...limits: readonly (number | undefined)[]) =>
    claimOf({ copies: copies(...limits), exclusive: false }, { concurrency: null })

  test('is by the memory of all that it starts, and three places at most', () => {
    expect(claim(96)).toEqual({ bytes: 96 * MiB, places: 1, exclusive: false })
    expect(claim(undefined, 128)).toEqual({ bytes: 384 * MiB, places: 2, exclusive: false })
    expect(claim(1024, 1024, 512)).toEqual({ bytes: 2560 * MiB, places: 3, exclusive: false })
  })

  test('is one place where the user says how many cells run at a time', () => {
    expect(claimOf({ copies: copies(4096), exclusive: true }, { concurrency: 2 })).toMatchObject({
      places: 1,
      exclusive: true,
    })
  })
})

test('a machine has places by its processors, an emulated one fewer', () => {
  const places = (cpus: number, emulated: boolean) => placesOf({ cpus, emulated })
  expect([places(1, false), places(2, false), places(64, false)]).toEqual([3, 6, 8])
  expect([places(1, true), places(2, true)]).toEqual([1, 2])
})
