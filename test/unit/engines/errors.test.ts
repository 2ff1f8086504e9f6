import { expect, test } from 'vitest'
import { engineError } from '../../../src/engines/docker-api/errors.ts'

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
