/** Environments that impose much at once. */

/** Everything that an environment may withhold, withheld at once. A gibibyte is sold, for Hadoop honestly needs it. */
export const strictConstraints = (locale: string, ulimits = '{ nofile: 1024 }'): string => `constraints:
  user: "1000650000:0"
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  cpus: 2
  pids_limit: 512
  ulimits: ${ulimits}
  sysctls: { net.ipv4.ip_unprivileged_port_start: "1024" }
  environment: { LANG: ${locale}, LC_ALL: ${locale}, TZ: Asia/Kolkata }
sells: { mem_max: 1g }
network: { egress: none }
`

/** What a cell under those has a record of at least. */
export const strictAtoms: readonly string[] = [
  'user',
  'read_only',
  'cap_drop:ALL',
  'security_opt:no-new-privileges',
  'mem_limit',
  'cpus',
  'pids_limit',
  'ulimits:nofile',
  'sysctls:net.ipv4.ip_unprivileged_port_start',
  'environment:LANG',
  'environment:LC_ALL',
  'environment:TZ',
  'network.egress',
]

/** For the project's own stacks: under all of them, and content with nothing less. */
export const strictEnvironment = (locale: string): string => `${strictConstraints(locale)}
required: [user, read_only, cap_drop, security_opt, pids_limit, network.egress]
contract: { port: 18080, ready_within: 180s, stays_up: 1s, stops_within: 10s }
`

const readBack = {
  mem_limit: '96m',
  cpus: '0.5',
  pids_limit: '64',
  shm_size: '32m',
  read_only: 'true',
  tmpfs: '{ /scratch: "size=8m,mode=1777" }',
  user: '"1000650000:0"',
  cap_drop: '[ALL]',
  security_opt: '["no-new-privileges:true"]',
  ulimits: '{ nofile: { soft: 128, hard: 256 } }',
  sysctls: '{ net.ipv4.ip_unprivileged_port_start: "1024" }',
  hostname: 'crate',
  extra_hosts: '{ supplier: 192.0.2.7 }',
  environment: '{ LANG: ja_JP.UTF-8, TZ: Asia/Tokyo }',
}

/** Each constraint that can be read back from inside. `other`: YAML under its key, beside them or in their place. */
export const readBackEnvironment = (other: Readonly<Record<string, string>> = {}): string => `constraints:
${Object.entries({ ...readBack, ...other })
  .map(([key, yaml]) => `  ${key}: ${yaml}\n`)
  .join('')}network: { egress: none }
contract: { stays_up: 1s, stops_within: 10s }
`
