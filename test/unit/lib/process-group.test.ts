/** Work beside cells steps back behind them. */
import { getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { spawnGroup } from '../../../src/lib/process-group.ts'

test.each([
  [true, 10],
  [false, getPriority()],
])('a patient group has a low priority, and so has what it starts: %s', async (isPatient, niceness) => {
  const { signal } = new AbortController()
  const child = spawnGroup('sh', ['-c', 'sleep 0.2; nice; sh -c nice'], { signal, isPatient })
  const said = (await child.stdout.setEncoding('utf8').toArray()).join('')
  expect(said).toBe(`${niceness}\n${niceness}\n`)
})
