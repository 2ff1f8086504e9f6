/** Environments' presets: values from the platforms' own documents, laid under an environment that `extends` them. */

/** As YAML, so that a preset goes through the same definitions as what a user writes. */
export const presets: Readonly<Record<string, string>> = {
  // kubernetes.io, Pod Security Standards, Restricted; a pod's default grace period is 30 s.
  'kubernetes-restricted': `
constraints:
  user: "1000:1000"
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  shm_size: 64m
allow: { cap_add: [NET_BIND_SERVICE] }
contract: { stops_within: 30s }
`,
  // docs.openshift.com, restricted-v2: an arbitrary user of the project's range in group 0.
  'openshift-restricted-v2': `
constraints:
  user: "1000650000:0"
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  shm_size: 64m
allow: { cap_add: [NET_BIND_SERVICE] }
contract: { stops_within: 30s }
`,
  // cloud.google.com, Cloud Run: the container runtime contract; memory limits, 512 MiB unless asked and 32 GiB at most;
  // health checks, of which a start-up probe waits 240 s at most (failureThreshold times periodSeconds).
  'cloud-run': `
constraints:
  platform: linux/amd64
sells: { mem_default: 512m, mem_max: 32g }
contract: { port: 8080, ready_within: 240s, stops_within: 10s }
`,
  // docs.aws.amazon.com, Fargate task definition considerations.
  fargate: `
constraints:
  ulimits: { nofile: 65535 }
allow: { cap_add: [SYS_PTRACE] }
contract: { stops_within: 30s }
`,
  // devcenter.heroku.com, container registry and runtime; dynos.
  heroku: `
constraints:
  user: "1000:1000"
  mem_limit: 512m
contract: { port: 8080, ready_within: 60s, stops_within: 30s }
`,
  'docker-default': `
constraints:
  shm_size: 64m
`,
  // containers.conf(5): default_capabilities, default_sysctls, pids_limit.
  'podman-default': `
constraints:
  cap_drop: [MKNOD, NET_RAW, AUDIT_WRITE]
  sysctls: { net.ipv4.ip_unprivileged_port_start: "1024" }
  pids_limit: 2048
  shm_size: 64m
`,
  'air-gapped': `
network: { egress: none }
`,
}
