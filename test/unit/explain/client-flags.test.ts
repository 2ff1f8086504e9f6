import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clientArguments, clientFlags, quote } from '../../../src/explain/client-flags.ts'
import type { EffectiveConfig } from '../../../src/model/plan.ts'

const config = (over: Partial<EffectiveConfig>): EffectiveConfig => ({
  constraints: {},
  volumes: [],
  ports: {},
  environment: {},
  findings: [],
  ...over,
})

test('every constraint is a flag', () => {
  const flags = clientFlags(
    config({
      constraints: {
        mem_limit: 1024,
        pids_limit: 5,
        read_only: true,
        tmpfs: { '/run': '', '/tmp': 'size=1m' },
        cap_drop: ['ALL'],
        ulimits: { nofile: { soft: 1, hard: 2 } },
        sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' },
        extra_hosts: { db: '10.0.0.1' },
        stop_grace_period: 1500,
        init: true,
      },
      volumes: [{ name: 'data', target: '/data' }],
    }),
    String,
  )
  expect(flags.join(' ')).toBe(
    '--memory 1024 --pids-limit 5 --ulimit nofile=1:2 --read-only --tmpfs /run --tmpfs /tmp:size=1m --cap-drop ALL ' +
      '--sysctl net.ipv4.ip_unprivileged_port_start=1024 --add-host db:10.0.0.1 --init --stop-timeout 2 --volume /data',
  )
})

test('a secret is a variable of the shell, never its value', () => {
  const environment = { PASSWORD: { secret: 'db' }, GREETING: "it's $HOME" }
  expect(clientFlags(config({ environment }), (name) => `MY_${name.toUpperCase()}`)).toEqual(
    ['--env', `PASSWORD="$MY_DB"`, '--env', `'GREETING=it'\\''s $HOME'`].map((word) =>
      word === `PASSWORD="$MY_DB"` ? `${quote('PASSWORD=')}"$MY_DB"` : word,
    ),
  )
})

test('an entry point is a flag and the rest of it arguments', () => {
  const made = config({ entrypoint: ['sh', '-c'], command: ['echo a b'] })
  expect([...clientFlags(made, String), ...clientArguments(made)]).toEqual(['--entrypoint', 'sh', '-c', "'echo a b'"])
})

test('a shell reads every quoted word as it was', () => {
  const words = fc.string({ unit: fc.constantFrom('a', ' ', "'", '"', '$', '\\', '\n', '`', ';', '*', 'ü') })
  fc.assert(
    fc.property(fc.array(words, { minLength: 1, maxLength: 8 }), (list) => {
      const script = `printf '%s\\0' ${list.map(quote).join(' ')}`
      expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(list)
    }),
    { seed: 1, numRuns: 50 },
  )
})
