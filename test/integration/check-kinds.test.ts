/** Every check kind against a real container: what is true passes, and what is not fails. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CheckedRun, check } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

/** Name → a check that holds, and the expectation that makes the same check fail. */
const http = {
  'http status': ['http: { port: http, path: /missing }', '{ status: 404 }', '{ status: 200 }'],
  'http headers': [
    'http: { port: http }',
    '{ headers: { content-type: application/json } }',
    '{ headers: { x-none: { exists: true } } }',
  ],
  'http body': [
    'http: { port: http, method: POST, path: /echo, body: crate }',
    '{ body: crate }',
    '{ body: { contains: pallet } }',
  ],
  'http json body': [
    'http: { port: http, method: POST, path: /echo, json: { a: [1, two] } }',
    '{ json: { "$.a[1]": two } }',
    '{ json: { "$.a[0]": "1" } }',
  ],
  'http form': [
    'http: { port: http, method: POST, path: /echo, form: { a: "1 2" } }',
    '{ body: a=1+2 }',
    '{ body: "" }',
  ],
  'http redirect is not followed': [
    'http: { port: http, path: /move }',
    '{ status: 302, headers: { location: /moved } }',
    '{ status: 200 }',
  ],
  'http redirect is followed': [
    'http: { port: http, path: /move, redirects: 1 }',
    '{ json: { $.path: /moved } }',
    '{ json: { $.path: /move } }',
  ],
  'http duration': ['http: { port: http }', '{ status: 200, duration: { lt: 10000 } }', '{ duration: { gt: 10000 } }'],
  tcp: ['tcp: { port: http }', '{ connected: true }', '{ connected: false }'],
  'tcp closed': ['tcp: { port: closed }', '{ connected: false }', '{ connected: true }'],
  'tcp banner': [
    `tcp: { port: http, send: "GET / HTTP/1.0\\r\\n\\r\\n" }`,
    '{ banner: { starts_with: HTTP/1.1 } }',
    '{ banner: { contains: SSH } }',
  ],
  exec: [
    'exec: { command: [cat, /etc/debian_version] }',
    '{ stdout: { starts_with: "12." } }',
    '{ stdout: { starts_with: "11." } }',
  ],
  'exec exit code': ['exec: { command: "exit 3", shell: true }', '{ exit_code: 3 }', '{ exit_code: 0 }'],
  'exec stderr': ['exec: { command: "echo oops >&2", shell: true }', '{ stderr: oops }', '{ stderr: "" }'],
  'exec as a user': ['exec: { command: [id, -u], user: "1234" }', '{ stdout: "1234" }', '{ stdout: "0" }'],
  'exec in a folder': ['exec: { command: [pwd], workdir: /etc }', '{ stdout: /etc }', '{ stdout: / }'],
  log: ['log: {}', '{ lines: { contains: listening on 8080 } }', '{ lines: { contains: never said } }'],
  file: [
    'file: { path: /server.pl }',
    '{ exists: true, mode: "0644", owner: "0:0", content: { contains: perl } }',
    '{ mode: "0600" }',
  ],
  'file that is not there': ['file: { path: /nothing }', '{ exists: false }', '{ exists: true }'],
  inspect: ['inspect: { path: Config.User }', '{ value: nobody }', '{ value: root }'],
  health: ['health: {}', '{ status: healthy }', '{ status: unhealthy }'],
} as const

const oneStep = Object.entries(http).flatMap(([name, [kind, holds, broken]]) => [
  `  - { name: "${name} holds", ${kind}, expect: ${holds} }`,
  `  - { name: "${name} fails", ${kind}, expect: ${broken} }`,
])

const steps = `
  - name: a value is captured and used holds
    steps:
      - http: { port: http, method: POST, path: /echo, json: { id: o-17 } }
        capture: { id: { jsonpath: $.id } }
      - http: { port: http, path: "/orders/{{id}}" }
        expect: { json: { $.path: /orders/o-17 } }
  - name: cookies are kept across steps holds
    steps:
      - http: { port: http, path: /login, cookies: true }
      - http: { port: http, path: /me, cookies: true }
        expect: { json: { $.cookie: session=s3 } }
  - name: cookies are not kept unasked holds
    steps:
      - http: { port: http, path: /login }
      - http: { port: http, path: /me }
        expect: { json: { $.cookie: "" } }
  - name: a signal reaches the process holds
    steps:
      - signal: { name: USR1 }
      - log: { since: check }
        eventually: 10s
        expect: { lines: { matches: ^got USR1$ } }
  - name: a restart is survived holds
    steps:
      - restart: {}
      - http: { port: http }
        expect: { status: 200 }
  - name: branches run side by side holds
    steps:
      - parallel:
          - - http: { port: http, path: /one }
              expect: { json: { $.path: /one } }
          - - http: { port: http, path: /two }
              expect: { json: { $.path: /two } }
  - name: a branch that fails fails the check fails
    steps:
      - parallel:
          - - http: { port: http, path: /one }
          - - http: { port: http, path: /two }
              expect: { json: { $.path: /three } }
  - name: nothing to capture fails
    steps:
      - http: { port: http }
        capture: { id: { jsonpath: $.no.such } }
      - http: { port: http, path: "/{{id}}" }
  - { name: eventually gives up fails, http: { port: http }, eventually: 2s, expect: { status: 500 } }
  - { name: a timeout is a failure fails, http: { port: http, path: /slow }, timeout: 1s, expect: { status: 200 } }
  - { name: a catastrophic expression cannot hang errors, exec: { command: [perl, -e, 'print "a" x 40, "!"'] }, expect: { stdout: { matches: "^(a+)+$" } } }
  - { name: a command that is not there fails, exec: { command: [/no/such] }, expect: { exit_code: 0 } }
`

const job = `build: { context: . }
command: [sh, -c, 'echo done; exit 4']
checks:
  - { name: exit holds, exit: { within: 20s }, expect: { code: 4 } }
  - { name: log of what has ended holds, log: {}, expect: { lines: { equals: [done] } } }
`
const failingJob = `${job}  - { name: exit fails, exit: { within: 20s }, expect: { code: 0 } }\n`

let checked: TestProject
let run: CheckedRun
beforeAll(async () => {
  const healthy = `FROM debian:bookworm-slim
COPY server.pl /server.pl
USER nobody
HEALTHCHECK --interval=1s CMD true
CMD ["perl", "/server.pl"]
`
  const stack = serverStack('kinds', { dockerfile: healthy, checks: `${oneStep.join('\n')}${steps}` })
  checked = project({
    ...environment('plain'),
    ...stack,
    'stacks/kinds/stack.yaml': (stack['stacks/kinds/stack.yaml'] ?? '')
      .replace('ports: { http: { port: 8080 } }', 'ports: { http: { port: 8080 }, closed: { port: 9999 } }')
      // The first probe of a health check comes after its interval.
      .replaceAll('health: {}', 'eventually: 15s, health: {}'),
    'stacks/job/Dockerfile': 'FROM debian:bookworm-slim\n',
    'stacks/job/stack.yaml': job,
    'stacks/failing-job/Dockerfile': 'FROM debian:bookworm-slim\n',
    'stacks/failing-job/stack.yaml': failingJob,
  })
  run = await check(checked.root)
})
afterAll(() => checked?.[Symbol.dispose]())

const expected = (name: string) => (name.endsWith(' holds') ? 'pass' : name.endsWith(' fails') ? 'fail' : 'error')
const names = [...oneStep, ...steps.split('\n'), ...failingJob.split('\n')].flatMap(
  (line) => /name: "?([^",}]+?(?: holds| fails| errors))"?\s*(?:,|$)/.exec(line)?.[1] ?? [],
)

describe('a check', () => {
  test('of every kind is here', () => {
    const kinds = new Set(run.run.cells.flatMap((cell) => cell.checks.map((one) => one.kind)))
    const others = ['sql', 'redis'] // with the servers that speak them, in the project's own stacks
    expect([...kinds, ...others].sort()).toEqual(
      ['exec', 'exit', 'file', 'health', 'http', 'inspect', 'log', 'redis', 'sql', 'steps', 'tcp'].sort(),
    )
  })

  test.each(names.filter((name) => !name.startsWith('exit') && !name.startsWith('log of')))('%s', (name) => {
    const found = run.cell('kinds@plain').checks.find((one) => one.name === name)
    expect({ outcome: found?.outcome, message: found?.message }).toMatchObject({ outcome: expected(name) })
    expect(found?.at).toMatch(/^stacks\/kinds\/stack.yaml:\d+:\d+$/)
    expect(found?.evidence).not.toEqual([])
  })

  test('of a job waits for its exit', () => {
    expect(run.cell('job@plain')).toMatchObject({ outcome: 'pass' })
    expect(run.cell('failing-job@plain')).toMatchObject({ outcome: 'fail', stage: 'check', reason: 'mismatch' })
  })
})
