/** Work beside cells steps back behind them. */
import { expect, test } from 'vitest'
import { spawnGroup } from '../../../src/lib/process-group.ts'

test('a group has a low priority, and so has what it starts', async () => {
  const child = spawnGroup('sh', ['-c', 'read line < /dev/null; sleep 0.2; nice; sh -c nice'], {
    signal: new AbortController().signal,
  })
  const said = (await child.stdout.setEncoding('utf8').toArray()).join('')
  expect(said).toBe('10\n10\n')
})
