/** `matrix init --ci`: writes the nightly job of a CI system into a project, and overwrites nothing. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readOr } from '../lib/files.ts'
import { printable } from '../lib/printable.ts'
import { exitCodes } from '../model/verdict.ts'
import { type CiSystem, ciFiles, ciNext } from './init-ci-files.ts'
import type { Io } from './io.ts'

export function runInitCi(options: { readonly project: string; readonly ci: CiSystem }, io: Io): number {
  const files = ciFiles[options.ci]
  const taken = Object.keys(files).filter((path) => existsSync(join(options.project, path)))
  if (taken.length > 0) {
    io.stderr(printable(`matrix: ${options.project} has ${taken.join(', ')} already; nothing was written\n`))
    return exitCodes.usage
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(options.project, path)), { recursive: true })
    writeFileSync(join(options.project, path), content, { flag: 'wx' })
    io.stdout(printable(`wrote ${path}\n`))
  }
  const missing = installsMatrix(options.project)
    ? ''
    : `  npm install --save-dev git+https://ADDRESS/OF/matrix.git\n    (its repository: on the registry the name is another's; then commit package.json and the lock file)\n`
  io.stdout(`\nNext:\n${missing}  ${ciNext[options.ci]}\n`)
  return exitCodes.green
}

/** Whether `npx --no matrix` finds the program after `npm ci`. */
function installsMatrix(project: string): boolean {
  const text = readOr(join(project, 'package.json'), '{}')
  try {
    const found = JSON.parse(text) as Readonly<Record<string, object | string | undefined>>
    return [found['dependencies'], found['devDependencies'], found['bin']].some(
      (named) => typeof named === 'object' && 'matrix' in named,
    )
  } catch {
    return false
  }
}
