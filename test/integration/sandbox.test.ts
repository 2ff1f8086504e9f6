/** A workload in a gVisor sandbox is looked into, and what is said of it is what its own kernel and the machine's say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NestedSpec } from '../../src/model/project.ts'
import { readBackEnvironment } from '../support/environments.ts'
import { hostEngine, stopHost } from '../support/hosts.ts'
import { type CheckedRun, check } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const spec: NestedSpec = { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false, runtime: 'runsc' }

let sandboxed: TestProject
let run: CheckedRun
beforeAll(async () => {
  await using engine = await hostEngine(spec)
  const on = (yaml: string) => `engine: { connect: "${engine.endpoint}" }\n${yaml}`
  sandboxed = project({
    ...environment('strict', on(readBackEnvironment({ mem_limit: '256m', pids_limit: '256' }))),
    ...environment('small', on('constraints: { mem_limit: 96m }')),
    ...serverStack('server', {
      checks: `  - { name: it answers, http: { port: http }, expect: { status: 200 } }
  - name: a signal reaches a process by its name
    steps:
      - signal: { process: perl, name: SIGUSR1 }
      - log: {}
        eventually: 20s
        expect: { lines: { contains: got USR1 } }
  - name: its kernel is gVisor's
    exec: { command: [cat, /proc/version] }
    expect: { stdout: { contains: "4.4.0" } }`,
    }),
    'stacks/filling/Dockerfile': 'FROM debian:bookworm-slim\n',
    'stacks/filling/stack.yaml': `build: { context: . }
command: [perl, -e, 'open my $f, ">", "/filled"; print $f "x" x 1048576 for 1..192; close $f; sleep 600']
ports: { http: { port: 8080 } }
readiness: { tcp: { port: http }, deadline: 30s }
checks: [{ name: it answers, tcp: { port: http } }]
`,
    'stacks/hungry/Dockerfile': 'FROM debian:bookworm-slim\n',
    'stacks/hungry/stack.yaml': `build: { context: . }
command: [perl, -e, 'my @kept; push @kept, "x" x 1048576 while 1']
ports: { http: { port: 8080 } }
readiness: { tcp: { port: http }, deadline: 60s }
checks: [{ name: it answers, tcp: { port: http } }]
`,
  })
  run = await check(sandboxed.root, 'server@strict', 'hungry@small', 'filling@small')
})
afterAll(async () => {
  sandboxed?.[Symbol.dispose]()
  await stopHost(spec)
})

describe('a cell in a sandbox', () => {
  test('is green under all of them at once', () => {
    expect(run.cell('server@strict')).toMatchObject({ outcome: 'pass', message: null })
    expect(run.run.environments.map(({ engine }) => engine?.ociRuntime)).toEqual(['runsc', 'runsc'])
  })

  test.each([
    ['mem_limit', 256 * 1024 ** 2],
    ['cpus', 0.5],
    ['pids_limit', 256],
    ['shm_size', 32 * 1024 ** 2],
    ['read_only', true],
    ['user', '1000650000:0'],
    ['cap_drop:ALL', true],
    ['ulimits:nofile', { soft: 128, hard: 256 }],
    ['hostname', 'crate'],
    ['tmpfs:/scratch', 'size=8m,mode=1777'],
    ['extra_hosts:supplier', '192.0.2.7'],
    ['environment:TZ', 'Asia/Tokyo'],
    ['network.egress', 'none'],
  ])('reads %s back from inside', (key, value) => {
    const record = run.cell('server@strict').constraints.find((one) => one.key === key)
    expect(record).toMatchObject({ key, value, provenance: 'enforced', agrees: true })
    expect(record?.observed).not.toBeNull()
  })

  test.each([
    ['security_opt:no-new-privileges', 'asserted'],
    ['sysctls:net.ipv4.ip_unprivileged_port_start', 'unsupported'],
  ])('claims no more of %s than that it is %s', (key, provenance) => {
    const record = run.cell('server@strict').constraints.find((one) => one.key === key)
    expect(record).toMatchObject({ provenance, observed: null, agrees: null })
  })

  test('that asks for more memory than it may have is killed by the machine’s kernel', () => {
    expect(run.cell('hungry@small')).toMatchObject({ outcome: 'fail', reason: 'oom-killed' })
  })

  test('that fills its file system fills its memory', () => {
    expect(run.cell('filling@small')).toMatchObject({ outcome: 'fail', reason: 'oom-killed' })
  })
})
