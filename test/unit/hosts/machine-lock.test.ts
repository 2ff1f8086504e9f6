/** One at a time on a machine, and nobody waits for the dead. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { takeLock } from '../../../src/hosts/machine-lock.ts'
import { ownIdentity } from '../../../src/lib/owner.ts'
import { project } from '../../support/project.ts'

const holder = (path: string) => readFileSync(path, 'utf8').split('/').slice(0, 3).join('/')
const unhurried = { signal: new AbortController().signal }

test('whoever comes second waits, is told so once, and has it when the first lets go', async () => {
  using made = project({})
  const path = join(made.root, 'state', 'lock')
  const first = await takeLock(path, unhurried)
  const order: string[] = []
  const second = takeLock(path, { ...unhurried, onWait: () => order.push('waits') }).then((lock) => {
    order.push('has it')
    return lock
  })
  await expect.poll(() => order).toEqual(['waits'])
  order.push('let go')
  first[Symbol.dispose]()
  using _second = await second
  expect(order).toEqual(['waits', 'let go', 'has it'])
  expect(holder(path)).toBe(ownIdentity())
})

test('that of a process that died is taken over', async () => {
  using made = project({})
  const path = join(made.root, 'lock')
  const [machine] = ownIdentity().split('/')
  const { pid } = spawnSync('true')
  writeFileSync(path, `${machine}/${pid}/1`)
  const onWait = () => expect.unreachable('nobody has it')
  {
    using _lock = await takeLock(path, { ...unhurried, onWait })
    expect(holder(path)).toBe(ownIdentity())
  }
  expect(existsSync(path)).toBe(false)
})

test('of whoever cannot be seen from here it is taken over too', async () => {
  using made = project({})
  const path = join(made.root, 'lock')
  writeFileSync(path, 'another-machine/1/1')
  using _lock = await takeLock(path, unhurried)
  expect(holder(path)).toBe(ownIdentity())
})

test('whoever had it when its folder was taken away does not let go of what another has by now', async () => {
  using made = project({})
  const path = join(made.root, 'state', 'lock')
  const first = await takeLock(path, unhurried)
  rmSync(dirname(path), { recursive: true })
  using _second = await takeLock(path, unhurried)
  first[Symbol.dispose]()
  expect(existsSync(path)).toBe(true)
})

test('whoever is told to stop waits no longer', async () => {
  using made = project({})
  const path = join(made.root, 'lock')
  using _first = await takeLock(path, unhurried)
  const stopping = new AbortController()
  const reason = new Error('stopped')
  const onWait = () => stopping.abort(reason)
  await expect(takeLock(path, { signal: stopping.signal, onWait })).rejects.toBe(reason)
})
