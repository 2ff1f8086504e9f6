/** The mirrors that Debian's packages come from where an image is made of them: which they are, and whether they answer. */
import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { deadline } from '../lib/abort.ts'

type Env = Readonly<Record<string, string | undefined>>

/** One line of what apt would read, and what is asked for of it: it is small, and each suite has one. */
export interface PackageSource {
  readonly mirror: string
  readonly release: string
}

const sourcesWithinMs = 10_000

/** As mmdebstrap would write them for a suite; it ends before it asks anybody. None where it does not run. */
export function packageSources(suite: string, { env, signal }: { readonly env: Env; readonly signal: AbortSignal }) {
  const ending = '--setup-hook=cat "$1"/etc/apt/sources.list; exit 1'
  const words = ['--quiet', '--variant=custom', '--mode=chrootless', '--format=null', ending, suite, '-']
  return new Promise<readonly PackageSource[]>((resolve, reject) => {
    // What a hook prints is not on stdout, where the image would be.
    execFile('mmdebstrap', words, { env: { ...env }, signal, timeout: sourcesWithinMs }, (_, stdout, stderr) => {
      if (signal.aborted) reject(signal.reason)
      else resolve(sourcesIn(`${stdout}\n${stderr}`))
    })
  })
}

/** Source: sources.list(5), the one-line style. */
export function sourcesIn(text: string): readonly PackageSource[] {
  return [...text.matchAll(/^deb +(?:\[[^\]]*\] +)?(\S+) +(\S+)/gm)].map(([, mirror = '', suite]) => ({
    mirror,
    release: `${mirror.replace(/\/$/, '')}/dists/${suite}/InRelease`,
  }))
}

/** Null where it answers, else why not. A proxy is the one that apt takes from the environment. Rejects only with the signal's reason. */
export async function mirrorSilence(
  { release }: PackageSource,
  options: { readonly env: Env; readonly signal: AbortSignal; readonly withinMs: number },
): Promise<string | null> {
  using limit = deadline(options.withinMs, options.signal)
  try {
    const status = await statusOf(release, { proxy: options.env['http_proxy'], signal: limit.signal })
    return status < 400 ? null : `it answers with status ${status}`
  } catch (error) {
    options.signal.throwIfAborted()
    const reason: unknown = limit.signal.aborted ? limit.signal.reason : error
    return reason instanceof Error ? reason.message : String(reason)
  }
}

async function statusOf(
  release: string,
  { proxy, signal }: { readonly proxy: string | undefined; readonly signal: AbortSignal },
): Promise<number> {
  signal.throwIfAborted()
  const { url, headers, path } = proxy ? through(proxy, release) : { url: release, headers: {}, path: {} }
  return new Promise((resolve, reject) => {
    const call = request(url, { ...path, method: 'HEAD', headers, signal, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    call.on('error', reject)
    call.end()
  })
}

/** A plain proxy is asked for the whole address. */
function through(proxy: string, release: string) {
  const url = URL.canParse(proxy) ? new URL(proxy) : null
  if (url === null) throw new Error('http_proxy is no URL')
  const { username, password } = url
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  url.username = ''
  url.password = ''
  const { host } = new URL(release)
  return {
    url,
    path: { path: release },
    headers: { host, ...(username === '' ? {} : { 'proxy-authorization': `Basic ${credentials}` }) },
  }
}
