/** What could not be undone is tried again by whoever asks again, and nothing is undone twice. */
import { expect, test } from 'vitest'
import { Teardown } from '../../../src/run/teardown.ts'

test('what failed stays, in its order, for another call', async () => {
  const done: string[] = []
  let full = true
  const teardown = new Teardown()
  for (const what of ['network', 'volume', 'container']) {
    teardown.defer(what, async () => {
      if (full && what !== 'container') throw new Error('no space left on device')
      done.push(what)
    })
  }
  const failures = await teardown.run(1000)
  expect(failures.map(({ what }) => what)).toEqual(['volume', 'network'])
  full = false
  expect(await teardown.run(1000)).toEqual([])
  expect(done).toEqual(['container', 'volume', 'network'])
})
