import { describe, expect, it } from 'vitest'
import { Admission } from '../../../src/lib/admission.ts'

const never = new AbortController().signal
const gate = () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}
/** Says that it is in, and stays until it is let out. */
const stay = (inside: string[], name: string, until: Promise<void>) => () => {
  inside.push(name)
  return until
}
const tick = () => new Promise((resolve) => setImmediate(resolve))

describe('Admission', () => {
  it('counts a claim as load from when it is on its way, and once', async () => {
    const admission = new Admission({ places: 4, budgetBytes: 100 })
    const claim = { bytes: 1, places: 2, exclusive: false }
    const stays = gate()
    const coming = admission.coming(claim)
    expect(admission.load).toBe(0.5)
    const entered = admission.run(claim, { signal: never, work: () => stays.opened })
    await tick()
    expect(admission.load).toBe(0.5)
    coming[Symbol.dispose]()
    expect(admission.load).toBe(0.5)
    stays.open()
    await entered
    expect(admission.load).toBe(0)
    const turnedAway = admission.coming(claim)
    turnedAway[Symbol.dispose]()
    expect(admission.load).toBe(0)
  })

  it('keeps a large claim away from what is held, and lets small ones pass it meanwhile', async () => {
    const admission = new Admission({ places: 4, budgetBytes: 100 })
    const inside: string[] = []
    const enter = (name: string, places: number, until: Promise<void> = Promise.resolve()) =>
      admission.run({ bytes: 1, places, exclusive: false }, { signal: never, work: stay(inside, name, until) })
    const one = admission.hold({ bytes: 0, places: 2, exclusive: false })
    const other = admission.hold({ bytes: 0, places: 2, exclusive: false })
    const large = enter('large', 2)
    const alone = admission.run(
      { bytes: 1, exclusive: true },
      { signal: never, work: stay(inside, 'alone', new Promise(() => {})) },
    )
    await Promise.all([enter('a', 1), enter('b', 1)])
    expect(inside).toEqual(['a', 'b'])
    one[Symbol.dispose]()
    await large
    expect(inside).toEqual(['a', 'b', 'large'])
    // Nothing is held any more: the order of arrival holds.
    other[Symbol.dispose]()
    await tick()
    expect(inside).toEqual(['a', 'b', 'large', 'alone'])
    expect(admission.load).toBe(0.25)
    void alone
  })

  it('keeps the order of arrival where nothing is held', async () => {
    const admission = new Admission({ places: 2, budgetBytes: 100 })
    const first = gate()
    const inside: string[] = []
    const enter = (name: string, places: number, until: Promise<void> = Promise.resolve()) =>
      admission.run({ bytes: 1, places, exclusive: false }, { signal: never, work: stay(inside, name, until) })
    const a = enter('a', 1, first.opened)
    const rest = [enter('large', 2), enter('b', 1)]
    await tick()
    expect(inside).toEqual(['a'])
    first.open()
    await Promise.all([a, ...rest])
    expect(inside).toEqual(['a', 'large', 'b'])
  })

  it('lets the lowest rank in first of those that wait, whenever they came', async () => {
    const admission = new Admission({ places: 1, budgetBytes: 100 })
    const first = gate()
    const inside: string[] = []
    const enter = (name: string, rank: number, until: Promise<void> = Promise.resolve()) =>
      admission.run({ bytes: 1, exclusive: false, rank }, { signal: never, work: stay(inside, name, until) })
    const all = [enter('in', 9, first.opened), enter('c', 3), enter('b', 2), enter('a', 1), enter('also b', 2)]
    await tick()
    first.open()
    await Promise.all(all)
    expect(inside).toEqual(['in', 'a', 'b', 'also b', 'c'])
  })

  it('lets in as much as the budget holds', async () => {
    const admission = new Admission({ places: 10, budgetBytes: 100 })
    const first = gate()
    const inside: string[] = []
    const enter = (name: string, bytes: number, until: Promise<void>) =>
      admission.run({ bytes, exclusive: false }, { signal: never, work: stay(inside, name, until) })
    const a = enter('a', 60, first.opened)
    const b = enter('b', 60, Promise.resolve())
    await tick()
    expect(inside).toEqual(['a'])
    first.open()
    await Promise.all([a, b])
    expect(inside).toEqual(['a', 'b'])
  })

  it('lets in no more than its places hold, and a claim over all of them alone', async () => {
    const admission = new Admission({ places: 4, budgetBytes: 100 })
    const gates = [gate(), gate(), gate()]
    const inside: string[] = []
    const all = [3, 2, 9].map((places, index) =>
      admission.run(
        { bytes: 1, places, exclusive: false },
        { signal: never, work: stay(inside, String(places), gates[index]?.opened ?? Promise.resolve()) },
      ),
    )
    await tick()
    expect(inside).toEqual(['3'])
    gates[0]?.open()
    await all[0]
    await tick()
    expect(inside).toEqual(['3', '2'])
    gates[1]?.open()
    await all[1]
    await tick()
    expect(inside).toEqual(['3', '2', '9'])
    gates[2]?.open()
    await all[2]
  })

  it('lets a claim over the whole budget in alone', async () => {
    const admission = new Admission({ places: 2, budgetBytes: 10 })
    await expect(
      admission.run({ bytes: 1000, exclusive: false }, { signal: never, work: async () => 'done' }),
    ).resolves.toBe('done')
  })

  it('keeps others out while an exclusive claim is in', async () => {
    const admission = new Admission({ places: 5, budgetBytes: 100 })
    const first = gate()
    const inside: string[] = []
    const a = admission.run({ bytes: 1, exclusive: true }, { signal: never, work: stay(inside, 'a', first.opened) })
    const b = admission.run({ bytes: 1, exclusive: false }, { signal: never, work: async () => void inside.push('b') })
    await tick()
    expect(inside).toEqual(['a'])
    first.open()
    await Promise.all([a, b])
  })

  it('forgets a claim whose signal aborts while it waits', async () => {
    const admission = new Admission({ places: 1, budgetBytes: 100 })
    const first = gate()
    const a = admission.run({ bytes: 1, exclusive: false }, { signal: never, work: () => first.opened })
    const controller = new AbortController()
    const b = admission.run({ bytes: 1, exclusive: false }, { signal: controller.signal, work: async () => 'b' })
    controller.abort(new Error('gone'))
    await expect(b).rejects.toThrow('gone')
    first.open()
    await a
    await expect(admission.run({ bytes: 1, exclusive: false }, { signal: never, work: async () => 'c' })).resolves.toBe(
      'c',
    )
  })
})
