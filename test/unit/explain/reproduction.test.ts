/** Two command lines judge what the check judged, or there are none. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { reproductionOf } from '../../../src/explain/reproduction.ts'
import type { ExecProbe, HttpProbe, Probe, Vantage } from '../../../src/model/check.ts'
import type { NetworkPolicy } from '../../../src/model/constraint.ts'
import { httpProbe, runnableCell } from '../../support/declared.ts'
import { failing } from '../../support/simulated-cell.ts'

const at = { file: 'x.yaml', line: 1, column: 1, length: 1 }
const exec = (over: Partial<ExecProbe> = {}): ExecProbe => ({
  kind: 'exec',
  command: ['answer'],
  shell: false,
  image: 'self',
  expect: { exit_code: 0 },
  ...over,
})
const http = (over: Partial<HttpProbe> = {}) => httpProbe({ port: 'web', expect: { status: 200 }, ...over })

/** The line that is to fail, of a cell whose readiness, or else its only check, is this question. */
function lineOf(probe: Probe, from: Vantage, stage: 'ready' | 'check', deadlineMs = 1000): string | null {
  const config = { constraints: {}, volumes: [], ports: { web: 8080 }, environment: {}, findings: [] }
  const readiness = { probe, from, deadlineMs, at }
  const steps = [{ act: probe, from, timeoutMs: 1000, capture: {}, at }]
  const cell = runnableCell({
    copies: [
      {
        role: 'workload',
        alias: 'api',
        row: 'api',
        buildKey: 'k',
        config,
        after: [],
        ...(stage === 'ready' ? { readiness } : {}),
      },
    ],
    // Another one before it does not keep it from being shown.
    checks: stage === 'check' ? ['knows', 'answers'].map((name) => ({ name, kind: 'exec' as const, steps, at })) : [],
  })
  const answer = { ...failing('s1:a'), stage, reason: 'mismatch' as const, check: 'answers' }
  const { made, why } = reproductionOf({
    failing: cell,
    passing: {
      ...cell,
      copies: cell.copies.map((copy) => ({ ...copy, config: { ...config, constraints: { init: true } } })),
    },
    failure: { answer, likeness: 'signature' },
    imageId: 'sha256:1',
    engine: { name: 'docker', endpoint: '' },
    variableOf: String,
  })
  expect(made === null).toBe(why !== null)
  return made?.fails ?? null
}

/** Both command lines of a cell that ends by itself in such a network and not in the engine's usual one, or why there are none. */
function inNetwork(network: Partial<NetworkPolicy>, engine = 'docker') {
  const config = { constraints: {}, volumes: [], ports: {}, environment: {}, findings: [] }
  const copy = { role: 'workload', alias: 'api', row: 'api', buildKey: 'k', config, after: [] } as const
  const passing = runnableCell({ copies: [copy] })
  const answer = { ...failing('s1:a'), stage: 'ready', reason: 'exited' } as const
  return reproductionOf({
    failing: { ...passing, network: { egress: 'open', ...network } },
    passing,
    failure: { answer, likeness: 'signature' },
    imageId: 'sha256:1',
    engine: { name: engine, endpoint: '' },
    variableOf: String,
  })
}

test.each([
  [{ mtu: 1200 }, 'docker', 'docker network create --opt com.docker.network.driver.mtu=1200 matrix-mtu-1200'],
  [{ mtu: 1200 }, 'podman', 'podman network create --opt mtu=1200 matrix-mtu-1200'],
  [{ ipv6: 'on' }, 'docker', 'docker network create --ipv6 --subnet fd6d:6174:7269:78::/64 matrix-ipv6'],
] as const)('a network of %j is made with the client of %s', (network, engine, create) => {
  const name = create.split(' ').at(-1)
  expect(inNetwork(network, engine).made).toEqual({
    fails: `${create} >/dev/null 2>&1; ${engine} run --rm --network ${name} sha256:1`,
    passes: `${engine} run --rm sha256:1`,
    note: `the first ends by itself with an error; the second runs until it is stopped; ${engine} network rm ${name} removes its network`,
  })
})

test('that there is no IPv6 address is a setting of the container', () => {
  expect(inNetwork({ ipv6: 'no_address' }).made?.fails).toContain('--sysctl net.ipv6.conf.all.disable_ipv6=1')
})

test('what may not reach out and is reached by nobody has no network', () => {
  expect(inNetwork({ egress: 'none' }).made?.fails).toBe('docker run --rm --network none sha256:1')
})

test('no lines where the client has no word for the difference', () => {
  expect(inNetwork({ latencyMs: 100 })).toMatchObject({ made: null, why: expect.stringContaining('no word') })
})

test.each<[string, ExecProbe, Vantage]>([
  ['what is printed', exec({ expect: { exit_code: 0, stdout: 'yes' } }), 'container'],
  ['what is complained of', exec({ expect: { exit_code: 0, stderr: '' } }), 'container'],
  ['an exit code of many', exec({ expect: { exit_code: { not: 0 } } }), 'container'],
  ['an exit code that is also the client’s own', exec({ expect: { exit_code: 127 } }), 'container'],
  ['a client beside it', exec(), 'client'],
])('no line where a command is judged by %s', (_, probe, from) => {
  expect(lineOf(probe, from, 'check')).toBeNull()
  expect(lineOf(probe, from, 'ready')).toBeNull()
})

test('a command is run as its user, in its folder, and judged by its exit code', () => {
  const line = lineOf(exec({ user: '5', workdir: '/a b', expect: { exit_code: 3 } }), 'container', 'check')
  expect(line).toContain(`docker exec --user 5 --workdir '/a b' "$id" answer`)
  expect(line).toContain('[ $? -eq 3 ]')
})

test.each<[string, HttpProbe, Vantage]>([
  ['a method', http({ method: 'POST' }), 'probe'],
  ['a header', http({ headers: { Accept: 'text/plain' } }), 'probe'],
  ['a body', http({ body: 'x' }), 'probe'],
  ['redirects', http({ redirects: 1 }), 'probe'],
  ['TLS', http({ tls: { verify: true } }), 'probe'],
  ['what it is answered', http({ expect: { status: 200, body: 'yes' } }), 'probe'],
  ['a status of many', http({ expect: { status: { lt: 500 } } }), 'probe'],
  ['a client beside it', http(), 'client'],
])('no line where a request depends on %s', (_, probe, from) => {
  expect(lineOf(probe, from, 'ready')).toBeNull()
})

test('a request is judged by its status, and a shell reads its path as it is', () => {
  const path = `/$(touch x)?a=$HOME&b='"[1]`
  const line = lineOf(http({ path, expect: { status: 404 } }), 'probe', 'ready') ?? expect.fail('there is none')
  const stub = `docker() { case $1 in run) echo 1;; inspect) echo 10.0.0.1;; esac; }; sleep() { exit 7; }
    curl() { for last; do :; done; printf '%s' "$last" >&2; printf 404; }`
  const script = `exec 3>&2; ${stub}; ${line}`
  const seen = execFileSync('sh', ['-c', `{ ${script}; } 2>&1`], { encoding: 'utf8' })
  expect(seen).toBe(`http://10.0.0.1:8080${path}`)
})

test('what has to become ready is given as long as the cell gave it, and no longer', () => {
  const line = lineOf(http(), 'probe', 'ready', 10_000) ?? expect.fail('there is none')
  const folder = mkdtempSync(join(tmpdir(), 'matrix-test-'))
  // A clock that goes on by a second whenever it is asked.
  const stub = `docker() { case $1 in run) echo 1;; inspect) echo 10.0.0.1;; esac; }; sleep() { :; }
    date() { echo >> ${folder}/now; wc -l < ${folder}/now; }; curl() { printf . >&2; printf 500; }`
  const script = `${stub}; exec 2>&1; ${line}; echo " $?"`
  const seen = execFileSync('sh', ['-c', script], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  expect(seen).toBe('.......... 1\n')
})
