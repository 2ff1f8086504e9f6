/** `matrix init --ci`: writes the nightly job of a CI system into a project, and overwrites nothing. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { printable } from '../lib/printable.ts'
import { exitCodes } from '../model/verdict.ts'
import { type CiSystem, ciFiles } from './init-ci-files.ts'
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
  return exitCodes.green
}
