/** Reads a workload that runs in a gVisor sandbox: what the machine sees of its process is the sandbox's, not the workload's. */

import { sandboxFunctions, shellWord } from '../relay/sandbox.ts'

/** Of both versions of control groups; which are there tells the version. */
export const controlFiles = [
  ...['memory/memory.limit_in_bytes', 'memory/memory.memsw.limit_in_bytes', 'pids/pids.max'],
  ...['cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us', 'cpuset/cpuset.cpus'],
  ...['memory.max', 'memory.swap.max', 'pids.max', 'cpu.max', 'cpuset.cpus'],
].join(' ')

/** Run inside the sandbox, by a shell that has no other program there; its arguments are names of sysctls. */
const insideScript = [
  'f() { print -r -- "@@$1"; while IFS= read -r l || [[ -n $l ]]; do print -r -- "$l"; done 2>/dev/null <$2; }',
  'f status /proc/1/status; f limits /proc/1/limits; f mounts /proc/1/mountinfo; f command /proc/1/comm',
  'f hosts /etc/hosts; f resolver /etc/resolv.conf; f hostname /proc/sys/kernel/hostname',
  'for k in "$@"; do f "sysctl $k" /proc/sys/$k; done',
].join('\n')
const environmentScript = "while IFS= read -rd '' e; do print -rn -- \"$e\"; print -n '\\0'; done </proc/1/environ"

/**
 * A part of the script that reads a container, for busybox's shell: where process `$P` is a sandbox it writes the sections
 * and ends the script. Control groups are the machine's and hold the sandbox as a whole; everything else is the word of
 * the sandbox's own kernel, which a shell is asked for that comes from outside, so that nothing of the image is needed.
 */
export const sandboxScript = `${sandboxFunctions}
if sandboxed; then
  inside ${shellWord(insideScript)} mksh "$@"
  s environment; inside ${shellWord(environmentScript)} | $B base64
  for f in ${controlFiles}; do
    g=$($B sed -n "s/^[0-9]*:\\([a-z_]*,\\)*\${f%/*}\\(,[a-z_]*\\)*://p" /proc/$P/cgroup)
    case $f in */*) d=/sys/fs/cgroup/\${f%/*}$g ;; *) d=$(machine find /sys/fs/cgroup -type d -name "*$(sandbox)*" | $B head -n 1) ;; esac
    machine test -f "$d/\${f##*/}" && { s "cgroup $f"; machine cat "$d/\${f##*/}"; }
  done
  exit 0
fi`
