import { describe, expect, test } from 'vitest'
import { signatureOf } from '../../../src/lib/signature.ts'
import { imageTag, objectName } from '../../../src/run/labels.ts'

const signature = (message: string) => signatureOf({ stage: 'create', reason: 'rejected', message })

describe('the same failure has the same signature', () => {
  const volume = (run: string, cell: string) =>
    signature(`volume ${objectName({ run }, cell, 'data')} is in use by container ${'ab'.repeat(32)}`)
  const network = (run: string, cell: string) =>
    signature(`network with name ${objectName({ run }, cell)} already exists`)
  const image = (row: string, project: string) =>
    signature(`No such image: ${imageTag(row, { project, run: 'r', owner: 'o', deadlineAt: 0 })}`)

  test('in another cell, and another run, whose names the engine tells', () => {
    const known = volume('2026-01-31-230000-1a2b', 'api-endpoint-py3@qa-server')
    expect(volume('2026-02-01-230000-00ff', 'user-db@customer-servers')).toBe(known)
    expect(volume('2026-02-01-230000-00ff', 'q@vm')).toBe(known)
    expect(network('2026-01-31-230000-1a2b', 'queue@vm')).toBe(network('2026-02-01-230000-00ff', 'user-db@qa-server'))
    expect(image('api-endpoint', 'shop-0123abcd')).toBe(image('queue', 'shop-0123abcd'))
  })
  test('at another time, address and number', () => {
    expect(signature('2026-01-31T12:00:00Z dial tcp 10.0.0.7:5432: refused after 3 tries')).toBe(
      signature('2026-02-01T13:00:09Z dial tcp 172.17.0.2:5433: refused after 12 tries'),
    )
  })
  test('on an engine that tells where the workload listens instead', () => {
    const refused = 'nothing listens on 10.0.0.7:8080 (http)'
    expect(signature(`${refused}; the workload listens on 0.0.0.0:3000`)).toBe(signature(refused))
  })
})

test('another failure has another signature', () => {
  expect(signature('volume data is in use')).not.toBe(signature('volume data is gone'))
  expect(signature('no user "api-endpoint"')).not.toBe(signature('no user "queue"'))
})
