import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fingerprint, keyType, knownKeys } from '../../../src/engines/docker-api/known-hosts.ts'

// ssh-keygen -l: SHA256:gmRtkwNEo5k4B6eNPc6vqYYSQtBYJyStsiCFuZzVq0k
const blob = 'AAAAC3NzaC1lZDI1NTE5AAAAIA1a5RRPwdIADt9Bb9hLm2fQTBnKqSkRYrUdZFWuTRvE'
const line = (names: string, marker = '') => `${marker}${names} ssh-ed25519 ${blob} a comment\n`
const types = (text: string, name = 'example.org', port = 22) => knownKeys(text, { name, port }).map(({ type }) => type)

describe('known hosts', () => {
  test('a host is found by its name, among others on the line, in any case', () => {
    expect(types(line('other,example.org,10.0.0.1'))).toEqual(['ssh-ed25519'])
    expect(types(line('Example.ORG'))).toEqual(['ssh-ed25519'])
    expect(types(line('example.org.evil'))).toEqual([])
    expect(types(line('example.org'), 'example.or')).toEqual([])
  })

  test('another port than 22 is another host', () => {
    expect(types(line('[example.org]:2222'), 'example.org', 2222)).toEqual(['ssh-ed25519'])
    expect(types(line('example.org'), 'example.org', 2222)).toEqual([])
    expect(types(line('[example.org]:2222'))).toEqual([])
  })

  test('patterns match, and an exception on the line wins', () => {
    expect(types(line('*.example.org'), 'a.example.org')).toEqual(['ssh-ed25519'])
    expect(types(line('*.example.org,!b.example.org'), 'b.example.org')).toEqual([])
    expect(types(line('example?org'), 'exampleXorg')).toEqual(['ssh-ed25519'])
    expect(types(line('example.*'), 'exampleXorg')).toEqual([])
  })

  test('a hashed name is found', () => {
    const salt = Buffer.from('0123456789abcdefghij')
    const hash = createHmac('sha1', salt).update('example.org').digest('base64')
    const text = line(`|1|${salt.toString('base64')}|${hash}`)
    expect(types(text)).toEqual(['ssh-ed25519'])
    expect(types(text, 'example.com')).toEqual([])
  })

  test('a revoked key is told apart, an authority is no key of the host, and what cannot be read is passed over', () => {
    expect(knownKeys(line('example.org', '@revoked '), { name: 'example.org', port: 22 })).toMatchObject([
      { revoked: true },
    ])
    expect(types(line('example.org', '@cert-authority '))).toEqual([])
    expect(types('# example.org ssh-ed25519 AAAA\n\nexample.org\n\u0000\u0001 x\n')).toEqual([])
  })

  test('a key names its type, and has the fingerprint that ssh-keygen prints', () => {
    const key = Buffer.from(blob, 'base64')
    expect(keyType(key)).toBe('ssh-ed25519')
    expect(fingerprint(key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
    expect(keyType(Buffer.from([0, 0, 0]))).toBe('')
  })
})
