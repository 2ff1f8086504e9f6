/** Host keys that are known, as OpenSSH keeps them. Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
import { createHash, createHmac } from 'node:crypto'

export interface KnownKey {
  /** Such as `ssh-ed25519`. */
  readonly type: string
  /** The key as it goes over the wire. */
  readonly blob: Buffer
  readonly revoked: boolean
}

/** The keys that a file's text holds for a host. Lines that say nothing of it, or cannot be read, are passed over. */
export function knownKeys(text: string, host: { readonly name: string; readonly port: number }): readonly KnownKey[] {
  const wanted = host.port === 22 ? host.name.toLowerCase() : `[${host.name.toLowerCase()}]:${host.port}`
  return text.split('\n').flatMap((line) => {
    if (/^\s*(#|$)/.test(line)) return []
    const words = line.trim().split(/\s+/)
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined
    const [names = '', type = '', blob = ''] = words
    // A certificate authority signs keys; this client reads plain keys only.
    if (marker === '@cert-authority' || blob === '' || !namesHost(names, wanted)) return []
    return [{ type, blob: Buffer.from(blob, 'base64'), revoked: marker === '@revoked' }]
  })
}

function namesHost(names: string, wanted: string): boolean {
  if (names.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = names.split('|')
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(wanted).digest('base64') === hash
  }
  const patterns = names.toLowerCase().split(',')
  if (patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1), wanted))) return false
  return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern, wanted))
}

function matches(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`).test(name)
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/** The type that a key names in itself. Source: RFC 4253, section 6.6. */
export function keyType(blob: Buffer): string {
  return blob.length < 4 ? '' : blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1')
}

/** Signature algorithms by which a host proves that it has a key of this type. Source: RFC 8332. */
export function algorithmsOf(type: string): readonly string[] {
  return type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]
}
