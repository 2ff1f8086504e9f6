/** What `registry` of the settings or of an environment refers to: a secret, and a file of certificates. */
import { relative, resolve } from 'node:path'
import { didYouMean } from '../lib/nearest.ts'
import type { Project, Registry } from '../model/project.ts'
import type { ParsedRegistry } from './definitions/files.ts'
import { locate } from './located.ts'
import type { ProjectFiles } from './project-files.ts'
import type { Parsed } from './salvage.ts'

export async function loadRegistry(
  found: Parsed<{ readonly registry?: ParsedRegistry | undefined }> | null,
  context: {
    readonly files: ProjectFiles
    readonly root: string
    /** Null: which there are is not known. */
    readonly secrets: Project['secrets'] | null
  },
): Promise<Registry | undefined> {
  const parsed = found?.value.registry
  if (found === null || parsed === undefined) return undefined
  const { files, root, secrets } = context
  const { address, login, authority } = parsed
  const at = (...path: readonly string[]) => locate(found.node, ['registry', ...path])
  const secret = login?.password.secret
  if (secret !== undefined && secrets !== null && !Object.hasOwn(secrets, secret)) {
    const message = `there is no secret "${secret}".${didYouMean(secret, Object.keys(secrets))}`
    files.report('unknown-secret', message, at('login', 'password', 'secret'))
  }
  if (authority === undefined) return { address, ...(login === undefined ? {} : { login }) }
  const file = resolve(root, authority)
  if (!(await files.isInside(file))) {
    files.report('missing-file', `there is no ${relative(root, file)} inside the project`, at('authority'))
  } else if (!(await files.textOf(file)).includes('-----BEGIN CERTIFICATE-----')) {
    files.report('certificate', `${authority} holds no certificate (PEM)`, at('authority'))
  }
  return { address, ...(login === undefined ? {} : { login }), authority: file }
}
