/** Stacks that are broken on purpose give exactly the outcome, stage and reason that say why. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CheckedRun, check } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const small = '{ http: { port: http }, deadline: 5s }'

const files = {
  ...environment('plain', 'contract: { stays_up: 1s, stops_within: 5s }'),
  ...environment('tight', 'constraints: { mem_limit: 32m }\ncontract: { stops_within: 5s }'),
  ...environment('locked', 'constraints: { read_only: true }\ncontract: { stops_within: 5s }'),
  ...serverStack('good'),
  ...serverStack('wrong-port', { readiness: small, yaml: 'environment: { PORT: "8081" }' }),
  ...serverStack('on-loopback', { readiness: small, yaml: 'environment: { LISTEN: 127.0.0.1 }' }),
  ...serverStack('no-variable', {
    readiness: small,
    yaml: `command: [sh, -c, 'echo "url is $\${DATABASE_URL:?is not set}"; exec perl /server.pl']`,
  }),
  ...serverStack('hungry', {
    readiness: small,
    yaml: `command: [perl, -e, 'my $x = "x" x (64 << 20); print length $x; sleep 60']`,
  }),
  ...serverStack('writes-root', {
    yaml: `command: [sh, -c, 'echo 1 > /state && exec perl /server.pl']`,
    dockerfile: 'FROM debian:bookworm-slim\nCOPY server.pl /server.pl\n',
  }),
  ...serverStack('deaf', { yaml: `command: [sh, -c, 'trap "" TERM; perl /server.pl']` }),
  ...serverStack('dies-later', {
    checks: '  - { name: it dies, http: { port: http, path: /die }, expect: { status: 200 } }',
  }),
  ...serverStack('hangs', {
    checks: '  - { name: slow, http: { port: http, path: /slow }, timeout: 2s, expect: { status: 200 } }',
  }),
  ...serverStack('wrong-answer', {
    checks: '  - { name: greets, http: { port: http }, expect: { json: { $.greeting: hello } } }',
  }),
  // Of all these containers the evidence is kept at once.
  ...serverStack('crowd', {
    yaml: 'needs: [good, hangs, wrong-answer, dies-later]',
    checks: '  - { name: greets, http: { port: http }, expect: { json: { $.greeting: hello } } }',
  }),
  ...serverStack('no-program', { readiness: small, yaml: 'command: [/no/such/program]' }),
  ...serverStack('short-lived', { readiness: small, yaml: 'command: [perl, -e, "exit 7"]' }),
  ...serverStack('needs-short-lived', { yaml: 'needs: [short-lived]' }),
  'stacks/gone/stack.yaml': `image: debian:bookworm-slim
command: [sh, -c, 'echo no licence >&2; exit 3']
checks:
  - { name: it runs, exec: { command: [cat, /etc/hostname] }, eventually: 2s }
`,
  'stacks/gone-hungry/stack.yaml': `image: debian:bookworm-slim
command: [perl, -e, 'my $x = "x" x (64 << 20); print length $x; sleep 60']
checks:
  - { name: it runs, exec: { command: [sleep, 5] }, eventually: 10s }
`,
  ...serverStack('fatal-log', {
    readiness: '{ http: { port: http }, deadline: 30s, fail_on: { contains: "FATAL" } }',
    yaml: `command: [sh, -c, 'echo "FATAL: no licence"; sleep 60']`,
  }),
}

/** Cell → outcome, stage, reason and message. */
const answers = [
  ['good@plain', 'pass', null, null, null],
  ['good@tight', 'pass', null, null, null],
  ['good@locked', 'pass', null, null, null],
  ['wrong-port@plain', 'fail', 'ready', 'deadline', /nothing listens on .*:8080 .*listens on \[?[0.:]+\]?:8081$/],
  ['on-loopback@plain', 'fail', 'ready', 'deadline', /workload listens on 127\.0\.0\.1:8080 \(for itself alone\)$/],
  ['no-variable@plain', 'fail', 'ready', 'exited', /ended with exit code 2/],
  ['hungry@tight', 'fail', 'ready', 'oom-killed', /for want of memory/],
  ['hungry@plain', 'fail', 'ready', 'deadline', /nothing listens/],
  ['writes-root@locked', 'fail', 'ready', 'exited', /ended with exit code 2/],
  ['writes-root@plain', 'pass', null, null, null],
  ['deaf@plain', 'fail', 'stop', 'killed', /5000 ms|5 s|killed/],
  ['dies-later@plain', 'fail', 'check', 'exited', /./],
  ['hangs@plain', 'fail', 'check', 'deadline', /2000 ms/],
  ['wrong-answer@plain', 'fail', 'check', 'mismatch', /greeting/],
  ['crowd@plain', 'fail', 'check', 'mismatch', /greeting/],
  ['no-program@plain', 'fail', 'start', 'rejected', /no such file or directory/],
  ['short-lived@plain', 'fail', 'ready', 'exited', /exit code 7/],
  ['needs-short-lived@plain', 'fail', 'needs', 'need-failed', /short-lived did not come up \(ready, exited\)/],
  ['gone@plain', 'fail', 'check', 'exited', /^gone ended with exit code 3: no licence, during "it runs"$/],
  ['gone-hungry@tight', 'fail', 'check', 'oom-killed', /for want of memory \(exit code 137\), during "it runs"/],
  ['fatal-log@plain', 'fail', 'ready', 'fail-on', /FATAL: no licence/],
] as const

let broken: TestProject
let run: CheckedRun
beforeAll(async () => {
  broken = project(files)
  run = await check(broken.root, ...answers.map(([id]) => id))
})
afterAll(() => broken?.[Symbol.dispose]())

describe('a broken stack', () => {
  test.each(answers)('%s is %s at %s (%s)', (id, outcome, stage, reason, message) => {
    const cell = run.cell(id)
    expect({ outcome: cell.outcome, stage: cell.stage, reason: cell.reason, message: cell.message }).toEqual({
      outcome,
      stage,
      reason,
      message: message === null ? null : expect.stringMatching(message),
    })
    expect(cell.signature).toEqual(outcome === 'pass' ? null : expect.stringMatching(/^s1:[0-9a-f]{12}$/))
  })

  test('gives the run exit code 1, and one image id a row', () => {
    expect(run.exitCode).toBe(1)
    expect(run.run).toMatchObject({ outcome: 'fail', exitCode: 1, complete: true })
    for (const row of run.run.stacks) {
      const ids = new Set(run.run.cells.filter((cell) => cell.stack === row.id).map((cell) => cell.image?.id))
      expect(ids).toEqual(new Set([row.image?.id]))
    }
  })

  test('is told in words of Matrix alone', () => {
    expect(run.stderr).not.toContain('Warning')
  })

  test('shows the log that explains it as evidence', () => {
    const log = run.cell('writes-root@locked').evidence.find((ref) => ref.name.endsWith('log'))
    expect(log?.sizeBytes).toBeGreaterThan(0)
  })

  test('that ended before its constraints could be read has them as declared, and as not observed', () => {
    expect(run.cell('writes-root@locked').constraints).toContainEqual({
      key: 'read_only',
      value: true,
      provenance: 'asserted',
      observed: null,
      agrees: null,
    })
    expect(run.cell('hungry@tight').constraints.map(({ key }) => key)).toEqual(['mem_limit', 'network.egress'])
  })

  test('fails with the same signature as its need does, wherever the need fails', () => {
    expect(run.cell('needs-short-lived@plain').signature).toBe(run.cell('short-lived@plain').signature)
  })
})
