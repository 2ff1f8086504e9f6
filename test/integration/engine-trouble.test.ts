/** What an engine fails to do says nothing of the product. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import type { RunEventBody } from '../../src/model/event.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { runLyingCell } from '../support/lying-engine.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

let engine: Engine
let tested: TestProject
beforeAll(async () => {
  engine = await testEngine()
  tested = project({
    ...environment('qa', 'contract: { stays_up: 1s, stops_within: 5s }'),
    ...serverStack('plain'),
    ...serverStack('server', {
      checks: '  - { name: it comes back, steps: [{ restart: {} }, { http: { port: http } }] }',
    }),
  })
})
afterAll(async () => {
  tested?.[Symbol.dispose]()
  await engine?.[Symbol.asyncDispose]()
})

describe('an engine that stops a container for a restart and does not start it again', () => {
  test('makes the cell an error: that the container ended was no doing of its own', async () => {
    const drop = { start: true } as const
    const events = await runLyingCell(engine, { root: tested.root, row: 'server', environment: 'qa', drop })
    const finished = events.find((event) => event.type === 'cell-finished')
    expect(finished).toMatchObject({
      outcome: 'error',
      stage: 'check',
      message: expect.stringContaining('started again'),
    })
    expect(await leftovers(engine, tested.root)).toEqual([])
  })
})

describe('an engine that does not remove a network at first', () => {
  test('is asked again at the end of the run, and nothing is left', async () => {
    const drop = { removal: true } as const
    const events = await runLyingCell(engine, { root: tested.root, row: 'plain', environment: 'qa', drop })
    expect(events.find((event) => event.type === 'cell-finished')).toMatchObject({ outcome: 'pass' })
    expect(await leftovers(engine, tested.root)).toEqual([])
  })
})

describe('an engine that fails to create a container', () => {
  const outcomesOf = (events: readonly RunEventBody[]) => ({
    tried: events.flatMap((event) => (event.type === 'cell-tried-again' ? [event.trouble] : [])),
    finished: events.filter((event) => event.type === 'cell-finished'),
  })
  const trouble = { stage: 'create', reason: 'unobservable', message: 'the storage driver is busy' }

  test('is asked again a moment later, and the cell has the answer of the product', async () => {
    const drop = { creations: 1 }
    const events = await runLyingCell(engine, { root: tested.root, row: 'plain', environment: 'qa', drop })
    const { tried, finished } = outcomesOf(events)
    expect(tried).toMatchObject([trouble])
    expect(finished).toMatchObject([{ outcome: 'pass' }])
    expect(await leftovers(engine, tested.root)).toEqual([])
  })

  test('and goes on to fail makes the cell an error after two more tries', async () => {
    const drop = { creations: 9 }
    const events = await runLyingCell(engine, { root: tested.root, row: 'plain', environment: 'qa', drop })
    const { tried, finished } = outcomesOf(events)
    expect(tried).toMatchObject([trouble, trouble])
    expect(finished).toMatchObject([{ outcome: 'error', ...trouble }])
    expect(await leftovers(engine, tested.root)).toEqual([])
  })
})
