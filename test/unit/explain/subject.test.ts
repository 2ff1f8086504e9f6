/** What is kept of a cell that ran, for those who ask why it failed. */
import { expect, test } from 'vitest'
import { answerWith } from '../../../src/explain/subject.ts'
import type { CheckRecord } from '../../../src/model/run-record.ts'

const check = (name: string, outcome: CheckRecord['outcome'], message: string | null = null): CheckRecord => ({
  ...{ name, kind: 'exec', outcome, reason: null, message, expected: null, actual: null, attempts: 1 },
  ...{ durationMs: 1, at: 'x:1:1', evidence: [] },
})
const checks = [check('knows', 'pass'), check('greets', 'fail', 'no greeting'), check('leaves', 'fail', 'no end')]

test.each([
  ['the one whose words it fails by', 'no end', 'leaves'],
  ['the one during which the workload ended', 'api ended with exit code 3, during "leaves"', 'leaves'],
  ['the first that failed, where neither is told', 'something else', 'greets'],
])('the check that decided is %s', (_, message, name) => {
  const seen = { outcome: 'fail', stage: 'check', reason: 'mismatch', signature: 's1:a', durationMs: 1 } as const
  expect(answerWith({ ...seen, message, checks }, []).check).toBe(name)
  expect(answerWith({ ...seen, stage: 'stop', message, checks }, []).check).toBeNull()
})
