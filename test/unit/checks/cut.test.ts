import { describe, expect, test } from 'vitest'
import { judge } from '../../../src/checks/registry.ts'
import type { Matcher, Probe } from '../../../src/model/check.ts'
import type { Observation } from '../../../src/model/observation.ts'
import { httpProbe } from '../../support/declared.ts'

const http = (expected: object): Probe => httpProbe({ expect: expected })
const exec = (expected: object): Probe => ({
  kind: 'exec',
  command: ['x'],
  shell: false,
  image: 'self',
  expect: expected,
})
const sql = (expected: object): Probe => ({
  kind: 'sql',
  driver: 'postgres',
  port: 'db',
  database: 'd',
  user: 'u',
  query: 'select 1',
  expect: expected,
})
const log = (lines: Matcher): Probe => ({ kind: 'log', expect: { lines } })
const file = (content: Matcher): Probe => ({ kind: 'file', path: '/f', expect: { exists: true, content } })

const reply = (body: string): Observation => ({
  kind: 'http',
  noReply: null,
  status: 200,
  headers: {},
  cookies: {},
  body,
  bodyBytes: body.length + 9,
  cutBytes: 9,
  durationMs: 1,
})
const output: Observation = {
  kind: 'exec',
  noReply: null,
  exitCode: 0,
  stdout: 'so far so good\n',
  stderr: 'all of it\n',
  cutBytes: { stdout: 9, stderr: 0 },
}
const rows: Observation = {
  kind: 'sql',
  noReply: null,
  rows: [{ id: 1 }, { id: 2 }],
  rowCount: 11,
  cutRows: 9,
  sqlstate: null,
  message: null,
}
const lines = (seen: Partial<Extract<Observation, { kind: 'log' }>>): Observation => ({
  kind: 'log',
  lines: ['late', 'later'],
  earlierCut: true,
  cutLines: [],
  ...seen,
})
const content: Observation = { kind: 'file', exists: true, mode: '0644', owner: '0:0', content: 'begun', cutBytes: 9 }

/** Each of them would pass if what was seen were all that there is. */
describe('what is not there is not known where only a part was seen', () => {
  test.each<readonly [string, Probe, Observation]>([
    ['a body', http({ body: { not: { contains: 'error' } } }), reply('fine')],
    ['a body as JSON', http({ json: { '$.error': { exists: false } } }), reply('{"fine":"')],
    ['output', exec({ stdout: { not: { contains: 'error' } } }), output],
    ['rows', sql({ rows: { length: { lte: 2 } } }), rows],
    ['a log', log({ not: { contains: 'error' } }), lines({})],
    ['a log with a long line', log({ not: { contains: 'error' } }), lines({ earlierCut: false, cutLines: [1] })],
    ['a file', file({ not: { contains: 'error' } }), content],
  ])('%s', async (_, probe, seen) => {
    expect(await judge(probe, seen)).toMatchObject({
      outcome: 'error',
      reason: 'unobservable',
      message: expect.stringMatching(/cut|kept/),
    })
  })

  test.each<readonly [string, Probe, Observation]>([
    ['a body', http({ body: { contains: 'fine' } }), reply('fine')],
    ['output', exec({ stdout: { starts_with: 'so far' } }), output],
    ['the stream that is whole', exec({ stderr: 'all of it' }), output],
    ['rows', sql({ rows: { contains: { id: 2 } }, row_count: 11 }), rows],
    ['a log', log({ contains: 'later' }), lines({})],
    ['a file', file({ starts_with: 'be' }), content],
  ])('what is there is: %s', async (_, probe, seen) => {
    expect((await judge(probe, seen)).outcome).toBe('pass')
  })
})
