import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { VerifiedImages } from '../../../src/images/verified.ts'

const folder = mkdtempSync(join(tmpdir(), 'matrix-verified-'))
afterAll(() => rmSync(folder, { recursive: true }))

const [one, other] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string]
const day = 24 * 3600 * 1000
const nowMs = Date.now()

/** How often the bytes of an image were looked at by a run of its own. */
async function looksAt(imageId: string, engineData: string | null, at = nowMs): Promise<number> {
  const compute = vi.fn(async () => imageId)
  const run = new VerifiedImages(join(folder, 'ids'))
  run.prune(at)
  expect(await run.verify(imageId, { engineData, nowMs: at, compute })).toBe(imageId)
  return compute.mock.calls.length
}

describe('an image', () => {
  test('is looked at once an engine, and anew where it is another image or another engine', async () => {
    expect(await looksAt(one, 'here')).toBe(1)
    expect(await looksAt(one, 'here')).toBe(0)
    expect(await looksAt(other, 'here')).toBe(1)
    expect(await looksAt(one, 'elsewhere')).toBe(1)
  })

  test('is looked at every time where the engine cannot be told from another', async () => {
    expect([await looksAt(one, null), await looksAt(one, null)]).toEqual([1, 1])
  })

  test('is forgotten once no run has used it for two weeks', async () => {
    expect(await looksAt(one, 'here', nowMs + 10 * day)).toBe(0)
    expect(await looksAt(one, 'here', nowMs + 20 * day)).toBe(0)
    expect(await looksAt(one, 'here', nowMs + 40 * day)).toBe(1)
  })

  test('whose bytes say otherwise is refused, and remembered neither way', async () => {
    const run = new VerifiedImages(join(folder, 'lies'))
    const lie = { engineData: 'here', nowMs, compute: async () => other }
    await expect(run.verify(one, lie)).rejects.toThrow(/calls the image sha256:aaa.* hashes to sha256:bbb/)
    await expect(run.verify(one, lie)).rejects.toThrow()
  })
})
