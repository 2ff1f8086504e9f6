/** What an engine could not do for want of something of its own is no failure of the product. */
import { expect, test } from 'vitest'
import { EngineError } from '../../../src/engines/engine.ts'
import { problemOf } from '../../../src/run/problem.ts'

test.each([
  'OCI runtime create failed: mkdir /var/lib/docker/overlay2/x: no space left on device',
  'error creating overlay mount: input/output error: runc',
  'OCI runtime create failed: runc create failed: unable to start container process: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted',
  'crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied',
])('%s is an error', (message) => {
  expect(problemOf(new EngineError('failed', message), 'start')).toMatchObject({
    kind: 'error',
    reason: 'unobservable',
  })
})

test('too few processes for the runtime itself is a failure: the limit is a constraint', () => {
  const message = 'OCI runtime create failed: runc: fork: resource temporarily unavailable'
  expect(problemOf(new EngineError('failed', message), 'start')).toMatchObject({ kind: 'fail', reason: 'rejected' })
})

test('an image of another platform than the environment asks for is a failure', () => {
  const message = 'image was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64'
  expect(problemOf(new EngineError('failed', message), 'create')).toMatchObject({ kind: 'fail', reason: 'rejected' })
})

test('a program that the image lacks is a failure', () => {
  const message = 'OCI runtime create failed: exec: "serve": executable file not found in $PATH'
  expect(problemOf(new EngineError('failed', message), 'start')).toMatchObject({ kind: 'fail', reason: 'rejected' })
})

test('what could not be done is told with what to do next, however much there is to say', () => {
  const hint = 'Run again with --bootstrap.'
  const long = new EngineError('unreachable', `no answer ${'x'.repeat(2000)}`, { hint })
  expect(problemOf(long, 'create').message).toMatch(/^no answer x+….* Run again with --bootstrap\.$/)
  const short = new EngineError('no-image', 'no registry gives it', { hint })
  expect(problemOf(short, 'create')).toMatchObject({
    kind: 'error',
    message: 'no registry gives it. Run again with --bootstrap.',
  })
})
