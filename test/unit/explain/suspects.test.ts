/** Where the words of a failure send the search first. */
import { expect, test } from 'vitest'
import type { Answer } from '../../../src/explain/probe.ts'
import { rank } from '../../../src/explain/suspects.ts'
import { failing } from '../../support/simulated-cell.ts'

/** What many environments impose; nothing that is named below is among them twice. */
const common = ['pids_limit', 'cap_drop:MKNOD', 'cap_drop:NET_RAW', 'environment:LANG', 'tmpfs:/run', 'mem_limit']

const first = (seen: Partial<Answer>, atom: string) =>
  rank({ ...failing('s1:a'), message: null, ...seen }, [...common.filter((one) => one !== atom), atom])[0]?.atoms

test.each([
  ['sh: 1: cannot create /state: Read-only file system', 'read_only'],
  ['dd: error writing ./state: File too large', 'ulimits:fsize'],
  ['failed to lock memory: errno 12', 'ulimits:memlock'],
  ["zoneinfo.ZoneInfoNotFoundError: 'No time zone found with key Mars/Olympus'", 'environment:TZ'],
  ['exec: "python3": executable file not found in $PATH', 'environment:PATH'],
  ['it ended with exit code 139: Segmentation fault (core dumped)', 'ulimits:stack'],
  ['not a host name: app_server', 'hostname'],
  ['fatal: can only run as process 1', 'init'],
  ['eth0 has an mtu of 1300, 1400 is needed', 'network.mtu'],
  ['IPv6 is on, and this release does not speak it', 'network.ipv6'],
  ['OSError: [Errno 99] Cannot assign requested address', 'sysctls:net.ipv4.ip_local_port_range'],
  ['needs two processors, has one', 'cpuset'],
  ['refusing to run with SYS_ADMIN', 'cap_add:SYS_ADMIN'],
  ['refusing to run with group 999', 'group_add:999'],
  ['shmget: Invalid argument', 'sysctls:kernel.shmmax'],
  [
    'self.socket.bind(self.server_address)\nPermissionError: [Errno 13] Permission denied',
    'sysctls:net.ipv4.ip_unprivileged_port_start',
  ],
  ['kill: (7) - Operation not permitted', 'cap_drop:KILL'],
  ['urllib.error.URLError: <urlopen error timed out>', 'network.latency'],
  ['HTTP_PROXY is set, which a header of a request could do too', 'network.egress'],
  ['sh: 1: ping: Operation not permitted', 'default:cap_drop:NET_RAW'],
])('%s: %s', (message, atom) => {
  const candidates = atom === 'default:cap_drop:NET_RAW' ? common.filter((one) => one !== 'cap_drop:NET_RAW') : common
  expect(rank({ ...failing('s1:a'), message }, [...candidates, atom])[0]?.atoms).toEqual([atom])
})

test('what the engine refuses to create is asked of what it is created with', () => {
  expect(first({ stage: 'create', message: 'unknown or invalid runtime name: kata' }, 'runtime')).toEqual(['runtime'])
  expect(first({ stage: 'create', message: 'the image is for another platform' }, 'platform')).toEqual(['platform'])
})

test('what listens nowhere may listen on another port', () => {
  expect(first({ stage: 'ready', reason: 'deadline' }, 'environment:PORT')).toEqual(['environment:PORT'])
})
