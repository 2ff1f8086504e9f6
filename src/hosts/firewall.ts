/** What a Docker Engine added to a machine's firewall, told by the rules before and after; pure. */

interface Table {
  /** Name → policy, `-` for a chain that somebody made. */
  readonly chains: Map<string, string>
  readonly rules: string[]
}

/**
 * Input for `iptables-restore --noflush` that takes out what the engine added and nothing else; null where that is
 * nothing. Chains in which somebody wrote rules of his own stay, and so does what leads there.
 *
 * @param before as `iptables-save` tells them; so is `now`
 */
export function undoing(before: string, now: string): string | null {
  const earlier = tablesOf(before)
  const parts: string[] = []
  for (const [name, table] of tablesOf(now)) {
    const lines = undoingTable(earlier.get(name) ?? { chains: new Map(), rules: [] }, table)
    if (lines.length > 0) parts.push(`*${name}`, ...lines, 'COMMIT')
  }
  return parts.length === 0 ? null : `${parts.join('\n')}\n`
}

// Source: Docker's documentation, "Packet filtering and firewalls".
const ownChain = /^DOCKER(-|$)/
const usersChain = 'DOCKER-USER'
const ownDevice = /(^| )(docker0|docker_gwbridge|br-[0-9a-f]{12})( |$)/
/** In others of the machine's own chains the engine writes only what leads to its chains. */
const chainsOfDevices = ['FORWARD', 'POSTROUTING']

function undoingTable(before: Table, now: Table): readonly string[] {
  const known = new Set(before.rules)
  const isUsed = now.rules.some((rule) => chainOf(rule) === usersChain && rule !== `-A ${usersChain} -j RETURN`)
  const chains = [...now.chains.keys()].filter(
    (chain) => ownChain.test(chain) && !before.chains.has(chain) && !(chain === usersChain && isUsed),
  )
  const gone = new Set(chains)
  const rules = now.rules.filter((rule) => {
    const chain = chainOf(rule)
    if (gone.has(chain) || known.has(rule) || (chain === usersChain && isUsed)) return false
    return gone.has(targetOf(rule)) || (chainsOfDevices.includes(chain) && ownDevice.test(rule))
  })
  // It sets this where it turns forwarding on itself.
  const isClosed = now.chains.get('FORWARD') === 'DROP' && (before.chains.get('FORWARD') ?? 'ACCEPT') === 'ACCEPT'
  return [
    ...rules.map((rule) => rule.replace(/^-A/, '-D')),
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
    ...(isClosed && (rules.length > 0 || chains.length > 0) ? ['-P FORWARD ACCEPT'] : []),
  ]
}

const chainOf = (rule: string): string => rule.split(' ')[1] ?? ''
const targetOf = (rule: string): string => / -[jg] (\S+)/.exec(rule)?.[1] ?? ''

/** Source: iptables-save(8): `*table`, `:CHAIN POLICY [packets:bytes]`, `-A CHAIN rule`. */
function tablesOf(text: string): ReadonlyMap<string, Table> {
  const tables = new Map<string, Table>()
  let table: Table = { chains: new Map(), rules: [] }
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = { chains: new Map(), rules: [] }
      tables.set(line.slice(1), table)
    } else if (line.startsWith(':')) {
      const [chain = '', policy = ''] = line.slice(1).split(' ')
      table.chains.set(chain, policy)
    } else if (line.startsWith('-A ')) table.rules.push(line.trimEnd())
  }
  return tables
}
