import { describe, expect, test } from 'vitest'
import type { NoReply, Observation } from '../../../src/model/observation.ts'
import { listensElsewhere } from '../../../src/run/probes/target.ts'
import { parseListening } from '../../../src/run/relay/listening.ts'

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const socket = (local: string, state: string) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0`

describe('what the kernel tells of listening sockets', () => {
  test('is told as addresses with ports, each once', () => {
    const any6 = `${'0'.repeat(32)}:0BB8`
    const local6 = `${'0'.repeat(24)}01000000:1F90`
    const mapped = '0000000000000000FFFF00000100007F:1F90'
    const lines = [head, socket('00000000:0BB8', '0A'), socket('0100007F:1F90', '0A'), head]
    const text = [...lines, socket(any6, '0A'), socket(any6, '0A'), socket(local6, '0A'), socket(mapped, '0A')]
    expect(parseListening(text.join('\n'))).toEqual([
      '0.0.0.0:3000',
      '127.0.0.1:8080',
      '[::1]:8080',
      '[::]:3000',
      '[::ffff:7f00:1]:8080',
    ])
  })
  test('leaves out what is connected, and the resolver of the engine', () => {
    expect(parseListening([socket('0200A8C0:1F90', '01'), socket('0B00007F:A3C1', '0A')].join('\n'))).toEqual([])
    expect(parseListening('')).toEqual([])
  })
})

describe('a refusal', () => {
  const clause = (reason: NoReply['reason'] | null, listening: () => Promise<readonly string[]>) => {
    const unused = () => Promise.reject(new Error('not used'))
    const target = { alias: '', containerId: '', ports: {}, imageId: '', dial: unused, reach: unused, listening }
    const noReply = reason === null ? null : { reason, message: '' }
    const seen: Observation = { kind: 'tcp', connected: reason === null, noReply, banner: '', cutBytes: 0 }
    return listensElsewhere(seen, { target, signal: new AbortController().signal })
  }
  test('says where the workload does listen, and what of that nobody else reaches', async () => {
    expect(await clause('refused', async () => ['0.0.0.0:3000', '127.0.0.1:8080'])).toBe(
      '; the workload listens on 0.0.0.0:3000, 127.0.0.1:8080 (for itself alone)',
    )
  })
  test('says nothing where that cannot be seen, and no other failure does', async () => {
    expect(await clause('refused', async () => [])).toBe('')
    expect(await clause('refused', () => Promise.reject(new Error('the helper is gone')))).toBe('')
    expect(await clause('deadline', async () => ['0.0.0.0:3000'])).toBe('')
    expect(await clause(null, async () => ['0.0.0.0:3000'])).toBe('')
  })
})
