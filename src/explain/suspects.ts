/** Which constraints the words of a failure speak for: where to look first, never what the cause is. */
import type { Suspicion } from './find-cause.ts'
import type { Answer } from './probe.ts'

interface Rule {
  readonly when: RegExp | ((answer: Answer) => boolean)
  /** Atoms or patterns of them, the likeliest first; each is a suspicion of its own. */
  readonly suspects: readonly RegExp[]
  readonly why: string
}

/** The stronger the words, the earlier. */
const rules: readonly Rule[] = [
  { when: ({ reason }) => reason === 'oom-killed', suspects: [/^mem_limit$/], why: 'it was killed for want of memory' },
  {
    when: /read-only file ?system|EROFS/i,
    suspects: [/^read_only$/],
    why: 'something could not be written to a read-only file system',
  },
  {
    when: /file too large|EFBIG|SIGXFSZ|exit code 153\b/i,
    suspects: [/^ulimits:fsize$/],
    why: 'a file became larger than one may be',
  },
  {
    when: /mlock|lock(ed|ing)? (in )?memory|memory lock/i,
    suspects: [/^ulimits:memlock$/, /^cap_drop:IPC_LOCK$/],
    why: 'it could not keep its memory from being swapped',
  },
  {
    when: /time ?zone|zoneinfo/i,
    suspects: [/^environment:TZ$/],
    why: 'it could not tell what time it is',
  },
  {
    when: (answer) => answer.stage === 'create' && /runtime/i.test(wordsOf(answer)),
    suspects: [/^runtime$/],
    why: 'the engine has not that runtime',
  },
  {
    when: (answer) => answer.stage === 'create' && /platform|manifest/i.test(wordsOf(answer)),
    suspects: [/^platform$/],
    why: 'the image is not for that platform',
  },
  {
    when: /(executable file|command) not found|not found in \$PATH/i,
    suspects: [/^environment:PATH$/],
    why: 'a program was not found',
  },
  {
    when: /segmentation fault|SIGSEGV|stack overflow|exit code 139\b/i,
    suspects: [/^ulimits:stack$/, /^ulimits:(as|data)$/, /^mem_limit$/],
    why: 'it went beyond its memory or its stack',
  },
  {
    when: /host ?name/i,
    suspects: [/^hostname$/, /^extra_hosts:/],
    why: 'it speaks of the name of its host',
  },
  {
    when: /\b(process|pid) 1\b/i,
    suspects: [/^init$/],
    why: 'it speaks of process 1',
  },
  {
    when: /\bmtu\b|message too long|EMSGSIZE/i,
    suspects: [/^network\.mtu$/],
    why: 'a packet was too large',
  },
  {
    when: /\bIPv6\b|inet6/i,
    suspects: [/^network\.ipv6$/],
    why: 'it speaks of IPv6',
  },
  {
    when: /proxy/i,
    suspects: [/^environment:(https?|all|no)_proxy$/i, /^network\.egress$/],
    why: 'it speaks of a proxy',
  },
  {
    when: /cannot assign requested address|EADDRNOTAVAIL|address not available/i,
    suspects: [/^sysctls:net\.ipv4\.ip_local_port_range$/, /^network\./],
    why: 'it got no address or port of its own',
  },
  {
    when: /\b(processors?|cpus?)\b/i,
    suspects: [/^cpuset$/, /^cpus$/],
    why: 'it speaks of processors',
  },
  {
    when: /no usable temporary directory/i,
    suspects: [/^read_only$/, /^tmpfs:\/(var\/)?tmp$/, /^user$/],
    why: 'it found nowhere to put temporary files',
  },
  {
    when: /shared memory|\/dev\/shm|shm_open|shmget|bus error|SIGBUS/i,
    suspects: [/^sysctls:kernel\.shm/, /^shm_size$/, /^ipc$/],
    why: 'it ran short of shared memory',
  },
  {
    when: /no space left on device|ENOSPC|disk quota/i,
    suspects: [/^tmpfs:/, /^shm_size$/],
    why: 'something was full',
  },
  {
    when: /too many open files|EMFILE|ENFILE|open file limit|file descriptors/i,
    suspects: [/^ulimits:nofile$/],
    why: 'it ran out of open files',
  },
  {
    when: /resource temporarily unavailable|EAGAIN|can'?t (fork|start new thread)|cannot fork|fork failed|pthread_create|create (a )?(new )?thread/i,
    suspects: [/^pids_limit$/, /^ulimits:nproc$/],
    why: 'it could not start a process or a thread',
  },
  {
    when: /cannot allocate memory|out of memory|ENOMEM|MemoryError|bad_alloc|memory exhausted|mmap.*failed/i,
    suspects: [/^mem_limit$/, /^ulimits:(as|memlock|data)$/, /^shm_size$/],
    why: 'it ran short of memory',
  },
  {
    when: /temporary failure in name resolution|EAI_AGAIN|could not resolve|name or service not known|host not found|getaddrinfo|network is unreachable|ENETUNREACH|no route to host/i,
    suspects: [/^network\.egress$/, /^network_mode$/, /^dns:/, /^extra_hosts:/],
    why: 'it could not find or reach another machine',
  },
  {
    when: /bind\([^\n]*\n[^\n]*permission denied|bind(\(\))? .*permission denied|permission denied.*bind|could not bind|cannot (bind|listen)|bind.*EACCES|EACCES.*:\d+|make_sock/i,
    suspects: [/^sysctls:net\.ipv4\.ip_unprivileged_port_start$/, /^user$/, /^cap_drop:NET_BIND_SERVICE$/],
    why: 'it may not listen on its port',
  },
  {
    when: /chown|changing ownership/i,
    suspects: [/^cap_drop:CHOWN$/, /^user$/],
    why: 'it could not change the owner of a file',
  },
  {
    when: /setgid|setgroups|initgroups|set (supplementary )?groups?/i,
    suspects: [/^cap_drop:SETGID$/, /^user$/, /^cap_drop:SETUID$/],
    why: 'it could not change its group',
  },
  {
    when: /setuid|switch(ing)? (to )?user|failed switching|change user|cannot set user|seteuid|sudo|(^|\W)su:/i,
    suspects: [/^cap_drop:SETUID$/, /^cap_drop:SETGID$/, /^user$/, /^security_opt:no-new-privileges$/],
    why: 'it could not change its user',
  },
  { when: /\bkill\b/i, suspects: [/^cap_drop:KILL$/], why: 'it could not signal another process' },
  { when: /chroot/i, suspects: [/^cap_drop:SYS_CHROOT$/], why: 'it could not change its root' },
  { when: /mknod/i, suspects: [/^cap_drop:MKNOD$/], why: 'it could not make a device node' },
  {
    when: /raw socket|sock(et)?.*operation not permitted|ping|icmp/i,
    suspects: [/^cap_drop:NET_RAW$/, /^sysctls:net\.ipv4\.ping_group_range$/],
    why: 'it could not open a raw socket',
  },
  {
    when: /getpwuid|uid not found|no matching entries in passwd|cannot find name for|no user|look up (current|user)|unknown user|unknown uid|I have no name/i,
    suspects: [/^user$/],
    why: 'its user has no name',
  },
  {
    when: /invalid byte sequence|US-ASCII|codec can'?t|unicode(en|de)code|multibyte|locale|encoding|charset|wide character/i,
    suspects: [/^environment:(LANG|LC_ALL|LC_CTYPE|LANGUAGE|PYTHON(IOENCODING|UTF8)|RUBYOPT)$/],
    why: 'it could not read or write a character',
  },
  {
    when: ({ stage }) => stage === 'stop',
    suspects: [/^stop_grace_period$/, /^stop_signal$/, /^init$/],
    why: 'it did not stop in time',
  },
  {
    when: /operation not permitted|EPERM/i,
    suspects: [/^cap_drop:/, /^security_opt:/, /^user$/],
    why: 'it was not permitted to do something',
  },
  {
    when: /permission denied|EACCES|access denied/i,
    suspects: [/^user$/, /^cap_drop:DAC_OVERRIDE$/, /^tmpfs:/, /^read_only$/],
    why: 'it was denied access to something',
  },
  {
    when: /no such file or directory|ENOENT|does not exist|not a directory|invalid .*directory|cannot find/i,
    suspects: [/^tmpfs:/, /^user$/, /^environment:HOME$/],
    why: 'it missed a file or a folder',
  },
  {
    when: /exit code 137|killed|signal 9/i,
    suspects: [/^mem_limit$/, /^pids_limit$/],
    why: 'it was killed',
  },
  {
    when: (answer) => answer.reason !== 'deadline' && /timed? ?out|timeout|ETIMEDOUT/i.test(wordsOf(answer)),
    suspects: [/^network\./, /^cpus$/],
    why: 'something took too long',
  },
  {
    when: (answer) => answer.reason !== 'deadline' && /connection refused|ECONNREFUSED/i.test(wordsOf(answer)),
    suspects: [/^extra_hosts:/, /^environment:(https?|all)_proxy$/i, /^network\./],
    why: 'nobody listened where it went',
  },
  {
    when: ({ stage, reason }) => stage === 'ready' && (reason === 'deadline' || reason === 'refused'),
    suspects: [/^environment:PORT$/],
    why: 'it may listen elsewhere',
  },
  {
    when: ({ reason }) => reason === 'deadline',
    suspects: [/^cpus$/, /^mem_limit$/, /^network\.egress$/],
    why: 'it was not done in time',
  },
]

const most = 4

const wordsOf = ({ message, clues }: Answer): string => `${message ?? ''}\n${clues}`

/** The strongest suspicion first. */
export function rank(answer: Answer, candidates: readonly string[]): readonly Suspicion[] {
  const text = wordsOf(answer)
  const found: Suspicion[] = [...named(answer.message ?? '', candidates)]
  for (const { when, suspects, why } of rules) {
    if (!(typeof when === 'function' ? when(answer) : when.test(text))) continue
    for (const pattern of suspects) {
      const atoms = candidates.filter((atom) => pattern.test(atom.replace(/^default:/, '')))
      if (atoms.length > 0) found.push({ atoms, why })
    }
  }
  return withoutRepetition([...found, ...named(answer.clues, candidates)]).slice(0, most)
}

/** Entries whose own name stands in the text: a variable, a mount point, a sysctl, a capability, a group. */
function named(text: string, candidates: readonly string[]): readonly Suspicion[] {
  return candidates.flatMap((atom): readonly Suspicion[] => {
    const name = /^(?:default:)?(?:environment|tmpfs|sysctls|extra_hosts|cap_add|group_add):(.{3,})$/.exec(atom)?.[1]
    return name !== undefined && text.includes(name) ? [{ atoms: [atom], why: `it speaks of ${name}` }] : []
  })
}

function withoutRepetition(suspicions: readonly Suspicion[]): readonly Suspicion[] {
  const seen = new Set<string>()
  return suspicions.flatMap(({ atoms, why }) => {
    const fresh = atoms.filter((atom) => !seen.has(atom))
    for (const atom of fresh) seen.add(atom)
    return fresh.length === 0 ? [] : [{ atoms: fresh, why }]
  })
}
