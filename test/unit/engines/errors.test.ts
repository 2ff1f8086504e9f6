import { expect, test } from 'vitest'
import { engineError } from '../../../src/engines/docker-api/errors.ts'

test('of a limit that may not be raised it is told who raises it, and what to do', () => {
  const said = 'crun: setrlimit `RLIMIT_NPROC`: Operation not permitted: OCI permission denied'
  const { message } = engineError(Object.assign(new Error(`(HTTP code 409) conflict - ${said}`), { statusCode: 409 }))
  expect(message).toMatch(/^crun: setrlimit `RLIMIT_NPROC`.*: give both in ulimits$/)
})

test.each([
  [
    500,
    '(HTTP code 500) server error - Get "https://registry.example.org/v2/": no such host',
    'Get "https://registry.example.org/v2/": no such host',
  ],
  [404, '(HTTP code 404) unexpected - ', 'HTTP 404'],
])('of an answer %i the engine is quoted, and not its client', (statusCode, message, said) => {
  expect(engineError(Object.assign(new Error(message), { statusCode })).message).toBe(said)
})
