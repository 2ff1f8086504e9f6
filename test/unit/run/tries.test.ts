import { describe, expect, test } from 'vitest'
import type { CellFinished, RunEventBody } from '../../../src/model/event.ts'
import type { Reason, Stage } from '../../../src/model/outcome.ts'
import { Try, troubleOf } from '../../../src/run/tries.ts'

const error = (stage: Stage, reason: Reason) => ({ outcome: 'error', stage, reason }) as CellFinished
const check = (actual: string | null, rest: object = { outcome: 'error' }) =>
  ({ type: 'cell-check', cell: 'api@qa', check: { actual, ...rest } }) as RunEventBody

describe('a cell is tried again', () => {
  test.each([
    ['create', 'unobservable'],
    ['check', 'engine-lost'],
  ] as const)('after trouble that may pass: %s, %s', (stage, reason) => {
    expect(new Try().mayPass(error(stage, reason))).toBe(true)
  })

  test.each([
    ['check', 'node-lost'],
    ['start', 'disk-full'],
    ['constraints', 'not-in-force'],
    ['constraints', 'not-enforced'],
    ['constraints', 'unobservable'],
    ['distribute', 'not-delivered'],
    ['distribute', 'no-engine'],
    ['check', 'internal'],
  ] as const)('not after what is an answer, or was tried again already: %s, %s', (stage, reason) => {
    expect(new Try().mayPass(error(stage, reason))).toBe(false)
  })

  test('not where the product is seen to fail', () => {
    expect(new Try().mayPass({ ...error('check', 'unobservable'), outcome: 'fail' })).toBe(false)
  })

  test('not where a wrong reply was seen before the engine was lost', () => {
    const [wrong, broken] = [new Try(), new Try()]
    wrong.take(check('another body', { outcome: 'fail', reason: 'mismatch' }))
    broken.take(check(null, { outcome: 'fail', reason: 'unreachable' }))
    expect(wrong.mayPass(error('check', 'engine-lost'))).toBe(false)
    expect(broken.mayPass(error('check', 'engine-lost'))).toBe(true)
  })

  test('not where the kernel told why the workload ended, whatever became of the engine then', () => {
    const seen = new Try()
    seen.witness()
    expect(seen.mayPass(error('check', 'engine-lost'))).toBe(false)
    expect(seen.mayMove(error('check', 'engine-lost'))).toBe(false)
    expect(seen.mayMove(error('distribute', 'not-delivered'))).toBe(true)
  })

  test('goes to another engine of its pool, but not with a wrong reply', () => {
    const [wrong, lost] = [new Try(), new Try()]
    wrong.take(check('another body', { outcome: 'fail', reason: 'mismatch' }))
    expect(wrong.mayMove(error('check', 'engine-lost'))).toBe(false)
    expect(lost.mayMove(error('check', 'engine-lost'))).toBe(true)
    expect(wrong.mayMove(error('distribute', 'not-delivered'))).toBe(true)
    expect(lost.mayMove(error('check', 'unobservable'))).toBe(false)
  })

  test('not where a reply was seen that cannot be judged', () => {
    const [seen, unseen] = [new Try(), new Try()]
    seen.take(check('a body that is cut'))
    unseen.take(check(null))
    expect(seen.mayPass(error('check', 'unobservable'))).toBe(false)
    expect(unseen.mayPass(error('check', 'unobservable'))).toBe(true)
  })
})

describe('the trouble for which a cell is tried again', () => {
  const failure = (kind: 'fail' | 'error', reason: Reason) => ({
    ...({ kind, reason, stage: 'check', check: null, message: reason, signature: 's1:000000000000' } as const),
  })
  const finished = (failures: CellFinished['failures']) =>
    ({ ...error('check', 'engine-lost'), message: 'gone', durationMs: 7, failures, evidence: [log] }) as CellFinished
  const log = { name: 'api log', hash: 'sha256:0', sizeBytes: 1, cutBytes: 0, mediaType: 'text/plain' }
  const trouble = { stage: 'check', reason: 'engine-lost', message: 'gone', durationMs: 7 }

  test('keeps what was seen of the workload before', () => {
    const exited = failure('fail', 'exited')
    expect(troubleOf(finished([exited, failure('error', 'engine-lost')]))).toEqual({
      ...trouble,
      failures: [exited],
      evidence: [log],
    })
  })

  test('is all there is where nothing was seen', () => {
    expect(troubleOf(finished([failure('error', 'engine-lost')]))).toEqual(trouble)
  })
})
