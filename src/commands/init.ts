/** `matrix init`: writes a first project to start from, and overwrites nothing. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { printable } from '../lib/printable.ts'
import { exitCodes } from '../model/verdict.ts'
import { ignored, initFiles } from './init-files.ts'
import type { Io } from './io.ts'
import { runSchema } from './schema.ts'

export interface InitOptions {
  /** Folder of the new project; made where it is not there. */
  readonly project?: string
  /** Whether it was named by its whole path, and is told so. */
  readonly absolute?: boolean
}

export async function runInit(options: InitOptions, io: Io): Promise<number> {
  const root = options.project ?? io.cwd
  const taken = ['matrix.yaml', 'stacks', 'environments'].filter((name) => existsSync(join(root, name)))
  if (taken.length > 0) {
    io.stderr(
      printable(
        `matrix: ${root} has ${taken.join(', ')} already; nothing was written. Name an empty folder: matrix init DIR\n`,
      ),
    )
    return exitCodes.usage
  }
  const ignores = existsSync(join(root, '.gitignore'))
  try {
    for (const [path, content] of Object.entries(initFiles)) {
      if (path === '.gitignore' && ignores) continue
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), content, { flag: 'wx' })
      io.stdout(printable(`wrote ${path}\n`))
    }
  } catch (error) {
    io.stderr(printable(`matrix: ${error instanceof Error ? error.message : String(error)}\n`))
    return exitCodes.usage
  }
  await runSchema({ project: root, write: true }, io)
  const there = options.absolute === true ? root : relative(io.workingFolder, root)
  const at = there === '' ? '' : ` -C ${there}`
  // As it was called: where npx found it, no shell does.
  const matrix = `${io.env['npm_lifecycle_event'] === 'npx' ? 'npx ' : ''}matrix${at}`
  const ignore = ignores ? `  add ${ignored.join(' and ')} to .gitignore\n` : ''
  io.stdout(printable(`\nNext:\n${ignore}  ${matrix} list\n  ${matrix} check\n`))
  return exitCodes.green
}
