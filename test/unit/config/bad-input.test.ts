/** Whatever is wrong with the files is told where it is, all at once, and never started. */
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadProject } from '../../../src/config/load.ts'
import { renderDiagnostic } from '../../../src/config/render-diagnostic.ts'
import { project } from '../../support/project.ts'

const good = {
  'stacks/api/Dockerfile': 'FROM scratch\n',
  'stacks/api/stack.yaml': `build: { context: . }
ports: { http: { port: 80 } }
checks: [{ name: answers, http: { port: http } }]
`,
  'environments/qa.yaml': 'title: QA\n',
}

type Env = Readonly<Record<string, string>>
async function diagnose(files: Readonly<Record<string, string>>, env: Env = {}, spoil?: (root: string) => void) {
  using made = project({ ...good, ...files })
  spoil?.(made.root)
  const loaded = await loadProject(made.root, { env })
  return loaded.ok ? [] : loaded.diagnostics
}
const shown = async (...args: Parameters<typeof diagnose>) =>
  (await diagnose(...args)).map(({ at, code, message }) => `${at.file}:${at.line}:${at.column} ${code}: ${message}`)

const stack = (text: string) => ({ 'stacks/api/stack.yaml': text })
const checks = 'checks: [{ name: answers, http: { port: http } }]\n'
const ports = 'build: { context: . }\nports: { http: { port: 80 } }\n'

describe('a project', () => {
  test('that is right has no diagnostics', async () => {
    expect(await shown({})).toEqual([])
  })

  test.each([
    ['docker', 'bullseye'],
    ['docker', 'bookworm'],
    ['docker', 'trixie'],
    ['podman', 'bookworm'],
    ['podman', 'trixie'],
  ])('may have %s of %s without root', async (engine, release) => {
    const provision = JSON.stringify({ kind: 'nested', engine, release, rootless: true })
    expect(await shown({ 'environments/qa.yaml': `engine: { provision: ${provision} }\n` })).toEqual([])
  })

  test.each(['SIGTERM', 'term', '15', 'SIGRTMIN+3', 'RTMAX-1'])(
    'may have %s as the signal of its end',
    async (signal) => {
      expect(await shown({ 'environments/qa.yaml': `constraints: { stop_signal: "${signal}" }\n` })).toEqual([])
    },
  )

  test.each(['/run', '["/run:size=64M,exec", "/tmp"]', '{ /run: "mode=1777,nr_inodes=10k,nosuid", /tmp: "" }'])(
    'may have a tmpfs of %s',
    async (tmpfs) => {
      expect(await shown({ 'environments/qa.yaml': `constraints: { tmpfs: ${tmpfs} }\n` })).toEqual([])
    },
  )

  test.each([
    [
      'an unknown key',
      stack(`${ports}stopsignal: TERM\n${checks}`),
      /stack\.yaml:3:1 unknown-key: unknown key "stopsignal"/,
    ],
    [
      'a capability that is none',
      { 'environments/qa.yaml': 'constraints: { cap_drop: [NET_RWA] }\n' },
      /qa\.yaml:1:27 value: there is no capability "NET_RWA"\. Did you mean "NET_RAW"/,
    ],
    [
      'a limit that is none',
      { 'environments/qa.yaml': 'constraints: { ulimits: { nofiles: 5 } }\n' },
      /qa\.yaml:1:27 key: nofiles: a limit is one of .*nofile/,
    ],
    [
      'a signal that is none',
      { 'environments/qa.yaml': 'constraints: { stop_signal: SIGTREM }\n' },
      /qa\.yaml:1:29 value: there is no signal "SIGTREM"\. Did you mean "SIGTERM"/,
    ],
    [
      'a size of a tmpfs that is none',
      { 'environments/qa.yaml': 'constraints: { tmpfs: ["/run:mode=1777,size=5q"] }\n' },
      /qa\.yaml:1:24 value: "size=5q" is no option of a tmpfs\. Write it such as size=64m/,
    ],
    [
      'an option of a tmpfs that is none',
      stack(`${ports}service: { tmpfs: { /run: noexce } }\n${checks}`),
      /stack\.yaml:3:\d+ value: there is no option "noexce" of a tmpfs\. Did you mean "noexec"/,
    ],
    [
      'swap that is less than the memory it includes',
      { 'environments/qa.yaml': 'constraints: { mem_limit: 64m, memswap_limit: 32m }\n' },
      /qa\.yaml:1:47 value: memswap_limit is of memory and swap together, so it is at least mem_limit/,
    ],
    [
      'a registry with a scheme',
      { 'matrix.yaml': 'registry: https://registry.example.com/team\n' },
      /matrix\.yaml:1:11 value: .*HOST\[:PORT\]/,
    ],
    [
      'a registry that would be a user of another one',
      { 'environments/qa.yaml': 'registry: team/images\n' },
      /qa\.yaml:1:11 value: .*HOST\[:PORT\]/,
    ],
    [
      'a registry whose password is no secret that there is',
      {
        'matrix.yaml':
          'secrets: { push: { env: PUSH } }\nregistry: { address: "r:5000", login: { username: ci, password: { secret: pusj } } }\n',
      },
      /matrix\.yaml:2:\d+ unknown-secret: there is no secret "pusj"\. Did you mean "push"/,
    ],
    [
      'a registry of an environment whose certificates are not there',
      { 'environments/qa.yaml': 'registry: { address: "r:5000", authority: ../ca.pem }\n' },
      /qa\.yaml:1:\d+ missing-file: there is no \.\.\/ca\.pem inside the project/,
    ],
    [
      'certificates that are none',
      { 'matrix.yaml': 'registry: { address: "r:5000", authority: ca.pem }\n', 'ca.pem': 'hello\n' },
      /matrix\.yaml:1:\d+ certificate: ca\.pem holds no certificate/,
    ],
    [
      'a name server without an address',
      { 'environments/qa.yaml': 'constraints: { dns: [ns.example.org] }\n' },
      /qa\.yaml:1:22 value: .*the address of a name server/,
    ],
    [
      'a secret that is none',
      stack(`${ports}environment:\n  TOKEN: { secret: nope }\n${checks}`),
      /4:10 unknown-secret: there is no secret "nope"/,
    ],
    ['a need that is none', stack(`${ports}needs: [other]\n${checks}`), /3:9 unknown-stack: there is no stack "other"/],
    ['a misspelt key', stack(`${ports}chekcs: []\n${checks}`), /3:1 unknown-key: .*Did you mean "checks"/],
    ['a duplicate key', stack(`${ports}ports: {}\n${checks}`), /3:1 duplicate-key: /],
    [
      'a waiver that names no failure',
      {
        'waivers.yaml':
          'waivers:\n  - match: { stack: api, environment: qa }\n    reason: x\n    owner: y\n    created: 2026-01-01\n    expires: 2026-01-02\n',
      },
      /waivers\.yaml:2:5 missing: .*signature is missing: matrix waive writes it/,
    ],
    [
      'a size without a unit',
      { 'environments/qa.yaml': 'constraints: { mem_limit: 512 }\n' },
      /qa\.yaml:1:27 unit: .*512m/,
    ],
    [
      'a capture that no step before makes',
      stack(`${ports}checks:
  - name: answers
    steps:
      - http: { port: http }
        capture: { order: { jsonpath: $.id } }
      - http: { port: http, path: "/{{ oder }}" }
`),
      /stack\.yaml:8:9 unknown-capture: .*captures "oder"\. Did you mean "order"\? .*\\\{\{oder\}\}/,
    ],
    [
      'a capture of the step itself',
      stack(`${ports}checks:
  - { name: answers, http: { port: http, path: "/{{id}}" }, capture: { id: { jsonpath: $.id } } }
`),
      /unknown-capture: no step before this one captures "id"/,
    ],
    [
      'a capture of a branch beside this one',
      stack(`${ports}checks:
  - name: answers
    steps:
      - parallel:
          - - { http: { port: http }, capture: { id: { jsonpath: $.id } } }
          - - { http: { port: http }, expect: { body: "{{id}}" } }
`),
      /unknown-capture: no step before this one captures "id"/,
    ],
    [
      'a required constraint that there is not',
      { 'environments/qa.yaml': 'required: [read_only, pid_limit, "cap_drop:CHOWN", network.egress]\n' },
      /qa\.yaml:1:23 unknown-constraint: there is no constraint "pid_limit"\. Did you mean "pids_limit"\?/,
    ],
    [
      'more memory by default than is sold',
      { 'environments/qa.yaml': 'sells: { mem_max: 512m, mem_default: 1g }\n' },
      /qa\.yaml:1:38 value: mem_default is more than mem_max/,
    ],
    ['a time without a unit', { 'environments/qa.yaml': 'contract: { stays_up: 5 }\n' }, /qa\.yaml:1:23 unit: .*5s/],
    [
      'a proxy where egress is not by proxy',
      { 'environments/qa.yaml': 'network: { proxy: "http://proxy.example:3128" }\n' },
      /qa\.yaml:1:19 contradiction: .*`egress: proxy`; here egress is open/,
    ],
    [
      'a proxy that is no address of one',
      { 'environments/qa.yaml': 'network: { egress: proxy, proxy: "proxy.example:3128" }\n' },
      /1:34 proxy: a proxy is written http:\/\/HOST:PORT/,
    ],
    [
      'a proxy with a password',
      { 'environments/qa.yaml': 'network: { egress: proxy, proxy: "http://me:pw@proxy.example:3128" }\n' },
      /1:34 proxy: a proxy is named without a password/,
    ],
    [
      'a proxy on loopback',
      { 'environments/qa.yaml': 'network: { egress: proxy, proxy: "http://127.0.0.1:3128" }\n' },
      /1:34 proxy: 127\.0\.0\.1 is each container itself/,
    ],
    [
      'an mtu that IPv6 cannot have',
      { 'environments/qa.yaml': 'network: { ipv6: on, mtu: 1000 }\n' },
      /1:27 contradiction: .*at least 1280/,
    ],
    [
      'an engine without root of an image',
      { 'environments/qa.yaml': 'engine: { provision: { kind: nested, image: "docker:26-dind", rootless: true } }\n' },
      /1:\d+ value: .*an engine without root is provisioned of a release/,
    ],
    [
      'an engine without root that has runsc',
      {
        'environments/qa.yaml':
          'engine: { provision: { kind: nested, release: trixie, rootless: true, runtime: runsc } }\n',
      },
      /1:\d+ value: .*runsc is provisioned with an engine of root/,
    ],
    [
      'a pool of what is no address',
      { 'environments/qa.yaml': 'engine: { pool: [foo, "ssh://a"] }\n' },
      /1:\d+ value: .*write unix:\/\//,
    ],
    [
      'a pool that has one engine twice',
      { 'environments/qa.yaml': 'engine: { pool: ["ssh://a", "ssh://a"] }\n' },
      /1:\d+ value: .*the same engine stands in it twice/,
    ],
    [
      'a user that is yes or no',
      { 'environments/qa.yaml': 'constraints: { user: true }\n' },
      /1:\d+ type: .*user should be a text or a number$/,
    ],
    [
      'a size that is a list',
      { 'environments/qa.yaml': 'constraints: { mem_limit: [1] }\n' },
      /1:\d+ type: .*mem_limit should be a text or a number$/,
    ],
    [
      'no processor at all',
      { 'environments/qa.yaml': 'constraints: { cpus: 0 }\n' },
      /1:\d+ value: .*cpus: write a number above 0/,
    ],
    [
      'a virtual machine without room for Docker',
      { 'environments/qa.yaml': 'engine: { provision: { kind: vm, memory: 64m } }\n' },
      /1:\d+ value: .*at least 512m/,
    ],
    [
      'a virtual machine without room for images',
      { 'environments/qa.yaml': 'engine: { provision: { kind: vm, disk: 1g } }\n' },
      /1:\d+ value: .*at least 3g/,
    ],
    [
      'a missing Dockerfile',
      stack(
        `build: { context: ., dockerfile: Nope }\n${checks.replace('http: { port: http }', 'exec: { command: [x] }')}`,
      ),
      /1:34 missing-file: .*stacks\/api\/Nope/,
    ],
    ['an unknown need', stack(`${ports}needs: [queue]\n${checks}`), /3:\d+ unknown-stack: there is no stack "queue"/],
    ['a bad id', { 'environments/QA_1.yaml': '{}\n' }, /QA_1\.yaml:1:1 id: "QA_1" is no id/],
    [
      'a bad id of a folder',
      { 'stacks/Api_2/stack.yaml': `${ports}${checks}`, 'stacks/Api_2/Dockerfile': 'FROM scratch\n' },
      /stacks\/Api_2.* id: /,
    ],
    ['a long id', { [`environments/${'a'.repeat(41)}.yaml`]: '{}\n' }, /id: .*40 characters/],
    ['a stack without checks', stack(ports), /no-checks|checks/],
    [
      'an empty matcher',
      stack(`${ports}checks: [{ name: a, http: { port: http }, expect: { body: {} } }]\n`),
      /empty-matcher: an empty matcher asserts nothing/,
    ],
    [
      'an unknown operator',
      stack(`${ports}checks: [{ name: a, http: { port: http }, expect: { body: { contain: x } } }]\n`),
      /unknown-key: unknown key "contain".*Did you mean "contains"/,
    ],
    ['an unknown port', stack(`${ports}checks: [{ name: a, http: { port: web } }]\n`), /port.*web|web.*port/],
    [
      'two kinds in one check',
      stack(`${ports}checks: [{ name: a, http: { port: http }, tcp: { port: http } }]\n`),
      /kind|one of/,
    ],
    ['an ending that is not read', { 'environments/qb.YAML': '{}\n' }, /qb\.YAML is not read; it has to end in \.yaml/],
    [
      'an engine of two kinds',
      { 'environments/qa.yaml': 'engine: { connect: /run/a.sock, provision: { kind: vm } }\n' },
      /1:9 conflict: an engine is one of connect, provision and pool; here there are connect and provision/,
    ],
    [
      'a number that is too large',
      { 'environments/qa.yaml': 'contract: { port: 65536 }\n' },
      /1:19 value: port is at most 65535$/,
    ],
    [
      'a text that is empty',
      {
        'matrix.yaml':
          'secrets: { a: { env: A } }\nregistry: { address: r.example.com, login: { username: "", password: { secret: a } } }\n',
      },
      /value: username is empty/,
    ],
    [
      'an engine of no kind',
      { 'environments/qa.yaml': 'engine: {}\n' },
      /1:9 conflict: an engine is one of connect, provision and pool; here there is none/,
    ],
    ['an id that is taken twice', { 'environments/qa.yml': '{}\n' }, /duplicate-id: the id "qa" is taken/],
    [
      'a context that leaves the project',
      stack(`build: { context: ../../.. }\n${checks.replace('http: { port: http }', 'exec: { command: [x] }')}`),
      /1:19 outside: /,
    ],
    [
      'a Dockerfile that leaves the project',
      stack(
        `build: { context: ., dockerfile: ../../../etc/passwd }\n${checks.replace('http: { port: http }', 'exec: { command: [x] }')}`,
      ),
      /missing-file|outside/,
    ],
    ['a bind mount', stack(`${ports}service: { volumes: ["/etc:/host"] }\n${checks}`), /volumes|bind|host/],
    [
      'a privileged service',
      stack(`${ports}service: { privileged: true }\n${checks}`),
      /unknown-key: unknown key "privileged"/,
    ],
    [
      'an exclusion without a reason',
      { 'matrix.yaml': 'exclude: [{ stack: api, environment: qa }]\n' },
      /matrix\.yaml:1:\d+ missing: reason/,
    ],
    [
      'an exclusion of nothing',
      { 'matrix.yaml': 'exclude: [{ stack: api, environment: qb, reason: x }]\n' },
      /matrix\.yaml:1:11 exclusion: api@qb is no cell of this project/,
    ],
    ['a variable that is not set', { 'environments/qa.yaml': 'title: ${NO_SUCH}\n' }, /1:8 variable: .*NO_SUCH/],
    [
      'a variable that must be set',
      { 'environments/qa.yaml': 'title: "${T:?say what it is called}"\n' },
      /say what it is called/,
    ],
    [
      'an unknown preset',
      { 'environments/qa.yaml': 'extends: kubernetes\n' },
      /1:10 unknown-preset: there is no preset "kubernetes"/,
    ],
    ['broken YAML', { 'environments/qa.yaml': 'title: "open\nconstraints: {\n' }, /qa\.yaml:\d+:\d+ /],
    ['YAML of another kind', { 'environments/qa.yaml': '- a\n- b\n' }, /qa\.yaml:1:1 type: .*map/],
    ['an alias bomb', { 'environments/qa.yaml': bomb() }, /qa\.yaml:.* too-large: .*aliases/],
    [
      '10 MB of YAML',
      { 'environments/qa.yaml': `title: ${'x'.repeat(10 * 1024 * 1024)}\n` },
      /qa\.yaml:1:1 .*(large|bytes|MiB)/,
    ],
    ['an unknown secret', stack(`${ports}environment: { P: { secret: none } }\n${checks}`), /secret.*none/],
  ])('with %s says so', async (_, files, expected) => {
    const lines = await shown(files)
    expect(lines.join('\n')).toMatch(expected)
    expect(lines).toHaveLength(1)
  })

  test('with a cycle of needs names it', async () => {
    const needing = (need: string) => `${ports}needs: [${need}]\n${checks}`
    const lines = await shown({
      'stacks/a/stack.yaml': needing('b'),
      'stacks/a/Dockerfile': 'FROM scratch\n',
      'stacks/b/stack.yaml': needing('a'),
      'stacks/b/Dockerfile': 'FROM scratch\n',
    })
    expect(lines.join('\n')).toMatch(/cycle.*a.*b/)
  })

  test('with two things of one name on one network names both', async () => {
    const image = 'FROM scratch\n'
    const lines = await shown({
      'stacks/redis/stack.yaml': `${ports}${checks}`,
      'stacks/redis/Dockerfile': image,
      'stacks/rabbit/stack.yaml': `${ports}${checks}`,
      'stacks/rabbit/Dockerfile': image,
      'stacks/api/stack.yaml': `${ports}needs: { queue: redis }\n${checks}`,
      'stacks/api/Dockerfile': image,
      'stacks/all/stack.yaml': `needs: { queue: rabbit, api: api }
checks: [{ name: it answers, on: api, http: { port: http } }]
`,
    })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/name-conflict.*"queue" is rabbit \(for all\) and redis \(for api\) on one network/)
  })

  test('has its mistakes told in the order in which they are written', async () => {
    const found = await diagnose({ 'environments/qa.yaml': 'constraints: { cpu: 1, read_only: 5, mem_limit: 5x }\n' })
    expect(found.map(({ at }) => at.column)).toEqual([16, 35, 49])
  })

  test('that is empty says how to begin', async () => {
    const found = await diagnose({}, {}, (root) => {
      rmSync(join(root, 'stacks'), { recursive: true })
      rmSync(join(root, 'environments'), { recursive: true })
    })
    expect(found).toMatchObject([
      { message: expect.stringMatching(/^there is no stack in \//), hint: expect.stringContaining('matrix init') },
    ])
  })

  test('that lies above is named', async () => {
    using made = project(good)
    const loaded = await loadProject(join(made.root, 'stacks/api'), { env: {} })
    expect(loaded.ok ? [] : loaded.diagnostics).toMatchObject([
      { code: 'empty', hint: `there is a project in ${made.root}; -C ../.. names it` },
    ])
  })

  test('whose files end in .yml where they are not read is told so', async () => {
    const lines = await shown({ 'waivers.yml': 'waivers: []\n' }, {}, (root) => {
      renameSync(join(root, 'matrix.yaml'), join(root, 'matrix.yml'))
      renameSync(join(root, 'stacks/api/stack.yaml'), join(root, 'stacks/api/stack.yml'))
    })
    expect(lines).toEqual([
      'matrix.yml:1:1 unreadable: matrix.yml is not read; rename it to matrix.yaml',
      'stacks/api/stack.yml:1:1 unreadable: stacks/api/stack.yml is not read; rename it to stacks/api/stack.yaml',
      'waivers.yml:1:1 unreadable: waivers.yml is not read; rename it to waivers.yaml',
    ])
  })

  test('that has a file under both endings is told which is not read', async () => {
    expect(await shown({ 'matrix.yaml': 'version: 1\n', 'matrix.yml': 'version: 1\n' })).toEqual([
      'matrix.yml:1:1 twin: matrix.yml is not read beside matrix.yaml; keep one of them',
    ])
  })

  test('whose link leads out of it is refused', async () => {
    const lines = await shown({}, {}, (root) => {
      mkdirSync(join(root, 'stacks/linked'))
      symlinkSync('/etc/passwd', join(root, 'stacks/linked/stack.yaml'))
    })
    expect(lines.join('\n')).toMatch(/stacks\/linked\/stack\.yaml:1:1 .*(link|outside)/)
  })

  test('with a file that cannot be read says which', async () => {
    const lines = await shown({}, {}, (root) => {
      mkdirSync(join(root, 'environments/folder.yaml'))
      writeFileSync(join(root, 'stacks/api/unused'), '')
      chmodSync(join(root, 'stacks/api/unused'), 0)
    })
    expect(lines.join('\n')).toMatch(/environments\/folder\.yaml:1:1 /)
  })

  test('with many mistakes tells all of them, in the order of the files', async () => {
    const lines = await shown({
      'matrix.yaml': 'verson: 1\n',
      'environments/qa.yaml': 'constraints: { mem_limit: 512, cpu: 1 }\nnetwork: { egress: some }\n',
      ...stack(`${ports}stauts: 1\nchecks: [{ name: a, http: { port: http }, expect: { stauts: 200 } }]\n`),
    })
    expect(lines).toHaveLength(6)
    expect(lines.map((line) => line.split(' ')[0])).toEqual([...lines.map((line) => line.split(' ')[0])].sort())
  })

  test('in which a needed stack is broken is not told that it is missing', async () => {
    const lines = await shown({
      ...stack(`${ports}needs: [queue]\n${checks}`),
      'stacks/queue/Dockerfile': 'FROM scratch\n',
      'stacks/queue/stack.yaml': `${ports}typo: 1\n${checks}`,
    })
    expect(lines).toEqual([expect.stringMatching(/stacks\/queue\/stack\.yaml:3:1 unknown-key/)])
  })

  test('tells also what refers to nothing in a file whose form is wrong', async () => {
    const lines = await shown({
      'matrix.yaml': `verson: 1
secrets: { token: { env: TOKEN } }
exclude:
  - { stack: api, environment: qb, reason: no such place }
  - { stack: api, environment: qa }
`,
      'environments/qa.yaml': 'constraints: { cpu: 1 }\nextends: kubernets\n',
      'environments/lan.yaml': 'contrct: {}\nconstraints: { security_opt: ["seccomp:./none.json"] }\n',
      ...stack(`build: { context: ., dockerfile: Nope }
ports: { http: { port: 80 } }
service: { mem_limit: 5 }
needs: [nobody]
environment: { P: { secret: tokn } }
checks:
  - { name: a, http: { port: web } }
  - { name: b, http: { port: http }, expect: { stauts: 200 } }
  - { name: c, on: nowhere, http: { port: http } }
`),
    })
    expect(lines.map((line) => line.replace(/^(\S+):\d+ (\S+): .*$/, '$1 $2'))).toEqual([
      'environments/lan.yaml:1 unknown-key',
      'environments/lan.yaml:2 missing-file',
      'environments/qa.yaml:1 unknown-key',
      'environments/qa.yaml:2 unknown-preset',
      'matrix.yaml:1 unknown-key',
      'matrix.yaml:4 exclusion',
      'matrix.yaml:5 missing',
      'stacks/api/stack.yaml:1 missing-file',
      'stacks/api/stack.yaml:3 unit',
      'stacks/api/stack.yaml:4 unknown-stack',
      'stacks/api/stack.yaml:5 unknown-secret',
      'stacks/api/stack.yaml:7 unknown-port',
      'stacks/api/stack.yaml:8 unknown-key',
      'stacks/api/stack.yaml:9 unknown-need',
    ])
  })

  test.each([
    ['a port', stack(`build: { context: . }\nports: { http: { port: 0 } }\n${checks}`), /2:24 value/],
    [
      'the name of what has the ports',
      stack(`build: { context: . }\nprots: { http: { port: 80 } }\n${checks}`),
      /2:1 /,
    ],
    ['the name of what has the checks', stack(`${ports}chekcs: []\n`), /3:1 /],
    [
      'a need that a check is aimed at',
      stack(`${ports}needs: [Db]\nchecks: [{ name: a, on: db, http: { port: http } }]\n`),
      /3:9 /,
    ],
    [
      'the build of a stack that is needed',
      {
        ...stack(`${ports}needs: [queue]\n${checks}`),
        'stacks/queue/stack.yaml': `build: 5\nports: { http: { port: 80 } }\n${checks}`,
      },
      /queue\/stack\.yaml:1:8 /,
    ],
    [
      'a secret',
      {
        'matrix.yaml': 'secrets: { token: { env: 5 } }\n',
        ...stack(`${ports}environment: { T: { secret: token } }\n${checks}`),
      },
      /matrix\.yaml:1:/,
    ],
    [
      'the settings',
      {
        'matrix.yaml': '- secrets\n',
        ...stack(`${ports}environment: { T: { secret: token } }\n${checks}`),
      },
      /matrix\.yaml:1:1 type/,
    ],
    [
      'an environment that is excluded somewhere',
      {
        'matrix.yaml': 'exclude: [{ stack: api, environment: lan, reason: x }]\n',
        'environments/lan.yaml': '- a\n',
      },
      /lan\.yaml:1:1 type/,
    ],
  ])('with a mistake in %s is not told one in what refers to it', async (_, files, expected) => {
    const lines = await shown(files)
    expect(lines.join('\n')).toMatch(expected)
    expect(lines).toHaveLength(1)
  })

  test.each([
    ['a byte order mark', { 'environments/qa.yaml': '\uFEFFtitle: QA\n' }],
    ['CRLF line ends', { 'environments/qa.yaml': 'title: QA\r\nconstraints:\r\n  cpus: 1\r\n' }],
    ['an empty file', { 'environments/qa.yaml': '' }],
    ['keys of its own', stack(`x-team: shop\n${ports}${checks}`)],
    [
      'anchors and merge keys',
      { 'environments/qa.yaml': 'x-base: &b { cpus: 1 }\nconstraints: { <<: *b, pids_limit: 64 }\n' },
    ],
    ['a default for a variable', { 'environments/qa.yaml': 'title: ${NO_SUCH:-QA}\n' }],
    ['an escaped dollar', { 'environments/qa.yaml': 'title: $${HOME}\n' }],
    [
      'captures of branches before, and a name in braces that is meant',
      stack(`${ports}checks:
  - name: answers
    steps:
      - parallel:
          - - { http: { port: http }, capture: { id: { jsonpath: $.id } } }
          - - { http: { port: http }, expect: { body: { contains: '\\{{id}}' } } }
      - http: { port: http, path: "/{{id}}" }
`),
    ],
  ])('with %s is right', async (_, files) => {
    expect(await shown(files)).toEqual([])
  })
})

test('a diagnostic shows the line, a caret, what is allowed', async () => {
  const [first] = await diagnose(
    stack(`${ports}checks:\n  - name: a\n    http: { port: http }\n    expect:\n      stauts: 200\n`),
  )
  if (first === undefined) throw new Error('nothing was found')
  expect(renderDiagnostic(first, { color: false })).toBe(
    `stacks/api/stack.yaml:7:7 error[unknown-key]: unknown key "stauts" in expect. Did you mean "status"?
 7 |       stauts: 200
   |       ^^^^^^
    allowed: status, headers, body, json, duration`,
  )
})

test('what stands at the top is told so where it is looked for in a service', async () => {
  const [first] = await diagnose(stack(`${ports}service: { image: x }\n${checks}`))
  if (first === undefined) throw new Error('nothing was found')
  const text = renderDiagnostic(first, { color: false })
  expect(text).toContain('unknown key "image" in service.\n')
  expect(text).toContain('\n    "image" stands at the top of the file, not in service.')
})

test('what is missing at the end of a file is shown behind its last line', async () => {
  const [first] = await diagnose(stack(`${ports}checks:\n  - name: "a\n\n`))
  if (first === undefined) throw new Error('nothing was found')
  const text = renderDiagnostic(first, { color: false })
  expect(text).toContain('stacks/api/stack.yaml:4:13 error[yaml]')
  expect(text).toContain('\n 4 |   - name: "a\n')
})

test('a tab, which YAML takes none of to indent with, is seen in the line that is shown', async () => {
  const [first] = await diagnose({ 'environments/qa.yaml': 'constraints:\n\tpids_limit: 64\n' })
  if (first === undefined) throw new Error('nothing was found')
  expect(renderDiagnostic(first, { color: false })).toContain('\n 2 | →pids_limit: 64\n')
})

function bomb(): string {
  const levels = Array.from(
    { length: 30 },
    (_, at) => `x-${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(', ')}]`,
  )
  return `x-0: &a0 [lol]\n${levels.join('\n')}\ntitle: bomb\n`
}
