/** The project's own stacks under every constraint at once; what each is made of, asked in the running container. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { strictEnvironment } from '../support/environments.ts'
import { type CheckedRun, check } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'

/** What the slide names, a row at a time, and how each tells its version. */
const components: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  'static-site': {
    nginx: /nginx\/1\.\d+\.\d+/,
    ModSecurity: /ModSecurity-nginx v1\.\d+\.\d+[\s\S]*libmodsecurity3\S*\s+3\.\d+\.\d+/,
    'OWASP core rule set': /Core Rule Set ver\.3\.\d+\.\d+/,
    OpenSSL: /OpenSSL 3\.\d+\.\d+/,
    Bootstrap: /Bootstrap +v5\.\d+\.\d+/,
  },
  'web-frontend': {
    'Ruby, Rails, Sass, Unicorn and Sidekiq': /3\.1\.\d+\n6\.1\.\d+\S*\n2\.\d+\.\d+\n6\.\d+\.\d+\n6\.\d+\.\d+/,
  },
  'api-endpoint-py27': {
    'Python 2.7': /python 2\.7\.\d+/,
    Flask: /flask 1\.\d+/,
    'redis client': /redis 3\.\d+/,
    Celery: /celery 4\.\d+/,
    psycopg: /psycopg2 2\.\d+/,
    'postgresql-client': /psql \(PostgreSQL\) 13\.\d+/,
  },
  'api-endpoint-py3': {
    'Python 3': /python 3\.11\.\d+/,
    Flask: /flask 3\.\d+/,
    'redis client': /redis \d+\.\d+/,
    Celery: /celery 5\.\d+/,
    psycopg: /psycopg2 2\.\d+/,
    'postgresql-client': /psql \(PostgreSQL\) 15\.\d+/,
  },
  'background-workers': {
    'Python 3': /"python": "3\.11\.\d+"/,
    Celery: /"celery": "5\.\d+/,
    'redis client': /"redis": "\d+\.\d+/,
    libcurl: /libcurl\/\d+\.\d+/,
    FFmpeg: /ffmpeg version \d+\.\d+/,
    OpenCV: /"opencv": "4\.\d+/,
    'Node.js': /"node": "v18\.\d+/,
    Chromium: /"Chromium \d+\.\d+/,
  },
  'user-db': { PostgreSQL: /"15\.\d+/, V8: /"\d+\.\d+\.\d+\.\d+"/ },
  queue: {
    Redis: /redis_version:7\.\d+\.\d+/,
    'Redis Sentinel': /redis_version:7\.\d+\.\d+[\s\S]*redis_mode:sentinel/,
  },
  'analytics-db': {
    Hadoop: /Hadoop 3\.3\.\d+/,
    'HDFS NameNode': /NameNode 3\.3\.\d+/,
    'HDFS DataNode': /DataNode 3\.3\.\d+/,
    Hive: /"4\.0\.\d+ r/,
    Thrift: /^0\.\d+\.\d+/m,
    OpenJDK: /openjdk 17\.\d+/,
  },
}

/** Each of its servers maps the classes that the build archived; without them it works, and takes half as long again to start. */
const archives = `  - name: the servers map the archive of their classes
    exec:
      shell: true
      command: ['for name in namenode datanode hiveserver2; do grep -l analytics-db/classes.jsa /proc/"$(pidof $name)"/maps > /dev/null && echo $name; done']
    expect: { stdout: "namenode\\ndatanode\\nhiveserver2" }
`

/** Without it each session that asks V8 compiles a part of Python's library anew, for a second. */
const compiled = `  - name: the library of Python is compiled
    exec: { command: [ls, /usr/lib/python3.11/json/__pycache__] }
    expect: { stdout: { contains: decoder.cpython-311.pyc } }
`

/** What is found and compiled anew takes each of its two programs two seconds more to start, and in a sandbox twenty. */
const recorded = `  - name: what Rails requires is taken as it was compiled in the build
    exec:
      command:
        - ruby
        - -e
        - |
          taken = []
          RubyVM::InstructionSequence.singleton_class.prepend(
            Module.new { define_method(:load_iseq) { |place| super(place).tap { |code| taken << place if code } } })
          ENV["SECRET_KEY_BASE"] = "any"
          require "./config/environment"
          puts $LOADED_FEATURES.grep(/rb$/).grep(/rails|active|action|sidekiq|srv/) - taken, taken.size > 1000
    timeout: 60s
    expect: { stdout: "true" }
`

let made: TestProject
let run: CheckedRun
beforeAll(async () => {
  const stacks = ownStacks()
  const more = { 'analytics-db': archives, 'user-db': compiled, 'web-frontend': recorded }
  const withMore = Object.fromEntries(
    Object.entries(more).map(([id, text]) => [
      `stacks/${id}/stack.yaml`,
      `${stacks[`stacks/${id}/stack.yaml`]}${text}`,
    ]),
  )
  const strict = environment('strict', strictEnvironment('tr_TR.UTF-8'))
  made = project({ ...ownBases, ...stacks, ...withMore, ...strict })
  run = await check(made.root)
})
afterAll(() => made?.[Symbol.dispose]())

const rows = [...Object.keys(components), 'whole-system']

/** Every text that a check of a cell has seen, out of the evidence that was kept of it. */
function seenBy(cell: string, index: number): string {
  const hash = run.cell(cell).checks[index]?.evidence[0]?.hash.slice('sha256:'.length)
  const { steps } = JSON.parse(readFileSync(`${made.root}/reports/${run.run.id}/evidence/${hash}`, 'utf8')) as {
    readonly steps: readonly { readonly observation: unknown }[]
  }
  return textsOf(steps.map((step) => step.observation)).join('\n')
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value, JSON.stringify(value)]
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsOf) : []
}

describe('under every constraint at once', () => {
  test.each(rows)(
    '%s is green: any user, read-only root, no capability, no way out, a foreign locale, the port it is told',
    (row) => {
      const cell = run.cell(`${row}@strict`)
      expect(cell).toMatchObject({ outcome: 'pass', message: null })
      expect(cell.constraints.filter((one) => one.provenance === 'unsupported' || one.agrees === false)).toEqual([])
      expect(cell.checks.length).toBeGreaterThan(0)
    },
  )

  test('there is no row beside these', () => {
    expect(run.run.cells.map((cell) => cell.stack).sort()).toEqual([...rows].sort())
  })

  test.each(Object.keys(components))('every component of %s tells its version', (row) => {
    const seen = seenBy(`${row}@strict`, 0)
    for (const [component, version] of Object.entries(components[row] ?? {})) {
      expect.soft(seen, component).toMatch(version)
    }
  })

  test.each(rows)('what %s holds in memory at rest is kept', (row) => {
    const ref = run.cell(`${row}@strict`).evidence.find((one) => one.name === 'memory at rest')
    const kept = readFileSync(
      `${made.root}/reports/${run.run.id}/evidence/${ref?.hash.slice('sha256:'.length)}`,
      'utf8',
    )
    const bytes = Object.values(JSON.parse(kept) as Record<string, number>)
    expect(bytes.length).toBeGreaterThan(0)
    for (const one of bytes) expect(one).toBeGreaterThan(1 << 20)
  })
})
