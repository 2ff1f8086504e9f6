/** Reads the project's secrets from where `matrix.yaml` says; nowhere else do they come from. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { secretsIn } from '../model/check.ts'
import type { Plan } from '../model/plan.ts'
import type { Project } from '../model/project.ts'
import type { Io } from './io.ts'

export type ReadSecrets =
  | { readonly ok: true; readonly values: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * Every missing one at once. A file's last line break is not part of its secret.
 *
 * @param needed names of those that have to be there; all of them where none is given
 */
export async function readSecrets(project: Project, io: Io, needed?: ReadonlySet<string>): Promise<ReadSecrets> {
  const values = new Map<string, string>()
  const problems: string[] = []
  for (const [name, source] of Object.entries(project.secrets)) {
    if (needed?.has(name) === false) continue
    if ('env' in source) {
      const value = io.env[source.env]
      if (value === undefined || value === '') {
        const state = value === '' ? 'empty' : 'not set'
        problems.push(
          `the secret ${name} comes from the variable ${source.env}, which is ${state}; export ${source.env}=…`,
        )
      } else values.set(name, value)
      continue
    }
    try {
      values.set(name, (await readFile(join(project.root, source.file), 'utf8')).replace(/\r?\n$/, ''))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      problems.push(`the secret ${name} comes from the file ${source.file}, which cannot be read: ${why}`)
    }
  }
  return problems.length === 0 ? { ok: true, values } : { ok: false, problems }
}

/** Those that the selected cells are given, ask with, or get their images with. */
export function neededSecrets({ cells, environments, project }: Plan): ReadonlySet<string> {
  const running = cells.filter(({ kind }) => kind === 'run')
  return new Set(secretsIn([running, environments.map(({ registry }) => registry), project.registry]))
}

/** Passwords of the proxies that this process's environment names, as they may be printed by what uses the proxies. */
export function proxyPasswords(io: Pick<Io, 'env'>): readonly string[] {
  const passwords = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy']
    .flatMap((name) => [io.env[name], io.env[name.toUpperCase()]])
    .flatMap((address) => {
      if (address === undefined || !URL.canParse(address)) return []
      const { username, password } = new URL(address)
      if (password === '') return []
      const plain = decoded(password)
      return [password, plain, Buffer.from(`${decoded(username)}:${plain}`).toString('base64')]
    })
  return [...new Set(passwords)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone percent sign is itself.
    return text
  }
}
