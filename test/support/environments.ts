/** Environments that tests run the project's own stacks in. */

/** Everything that an environment may withhold, withheld at once. A gibibyte is sold, for Hadoop honestly needs it. */
export const strictEnvironment = (locale: string): string => `constraints:
  user: "1000650000:0"
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  cpus: 2
  pids_limit: 512
  ulimits: { nofile: 1024 }
  sysctls: { net.ipv4.ip_unprivileged_port_start: "1024" }
  environment: { LANG: ${locale}, LC_ALL: ${locale}, TZ: Asia/Kolkata }
required: [user, read_only, cap_drop, security_opt, pids_limit, network.egress]
sells: { mem_max: 1g }
network: { egress: none }
contract: { port: 18080, ready_within: 180s, stays_up: 1s, stops_within: 10s }
`
