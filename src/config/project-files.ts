/** The files of one project, and what is wrong with them: the only file access of this folder. */
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { Diagnostic, SourceLocation } from '../model/diagnostic.ts'
import type { Variables } from './interpolate.ts'
import { type Located, parseLocated } from './located.ts'

const maxFileBytes = 1024 * 1024
export const idPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/** Where a mistake is shown that is one of the file as a whole. */
export const beginningOf = (file: string): SourceLocation => ({ file, line: 1, column: 1, length: 1 })

/** Reads nothing that lies outside of the project, and keeps every mistake rather than stop at the first. */
export class ProjectFiles {
  readonly diagnostics: Diagnostic[] = []
  readonly #root: string
  readonly #variables: Variables
  readonly #lines = new Map<string, readonly string[]>()

  constructor(root: string, variables: Variables) {
    this.#root = root
    this.#variables = variables
  }

  /** As they stand in the files, each with its line. */
  diagnosticsWithLines(): readonly Diagnostic[] {
    return this.diagnostics
      .map((diagnostic) => {
        const sourceLine = this.#lines.get(diagnostic.at.file)?.[diagnostic.at.line - 1]
        return sourceLine === undefined ? diagnostic : { ...diagnostic, sourceLine }
      })
      .toSorted(({ at: a }, { at: b }) =>
        a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
      )
  }

  report(code: string, message: string, at: SourceLocation): void {
    this.diagnostics.push({ severity: 'error', code, message, at })
  }

  /** That a folder declares nothing: the project is to be begun, or lies elsewhere. */
  async reportEmpty(folder: string, what: string): Promise<void> {
    const above = await projectAbove(this.#root)
    const hint =
      above === null
        ? 'matrix init writes a first project; -C names the folder of another'
        : `there is a project in ${above}; -C ${relative(this.#root, above)} names it`
    const message = `there is no ${what} in ${this.#root}`
    this.diagnostics.push({ severity: 'error', code: 'empty', message, at: beginningOf(folder), hint })
  }

  /** Null: not there, or no YAML; the second is reported. */
  async read(file: string, optional: boolean): Promise<Located | null> {
    const path = join(this.#root, file)
    try {
      if (!(await this.isInside(path))) {
        await stat(path)
        this.report('outside', `${file} leads out of the project`, beginningOf(file))
        return null
      }
      const { size } = await stat(path)
      if (size > maxFileBytes) {
        this.report('too-large', `the file has ${size} bytes; at most ${maxFileBytes} are read`, beginningOf(file))
        return null
      }
      const parsed = parseLocated(file, await readFile(path, 'utf8'), this.#variables)
      this.#lines.set(file, parsed.lines)
      this.diagnostics.push(...parsed.diagnostics)
      await this.#reportTwin(file)
      return parsed.root
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') await this.#reportAbsence(file, optional)
      else this.report('unreadable', `${file} cannot be read (${code ?? String(error)})`, beginningOf(file))
      return null
    }
  }

  /** One that goes by another ending would be left out of everything in silence. */
  async #reportAbsence(file: string, optional: boolean): Promise<void> {
    const other = otherEnding(file)
    if (await exists(join(this.#root, other))) {
      this.report('unreadable', `${other} is not read; rename it to ${file}`, beginningOf(other))
    } else if (!optional) this.report('unreadable', `${file} is missing`, beginningOf(file))
  }

  /** One of the same name that is left out; environments are read under both endings. */
  async #reportTwin(file: string): Promise<void> {
    const other = otherEnding(file)
    if (file.startsWith('environments/') || !(await exists(join(this.#root, other)))) return
    this.report('twin', `${other} is not read beside ${file}; keep one of them`, beginningOf(other))
  }

  async folders(name: string): Promise<readonly string[]> {
    const found: string[] = []
    for (const entry of await this.entries(name)) {
      const info = await lstat(join(this.#root, name, entry)).catch(() => null)
      if (info === null || (!info.isDirectory() && !info.isSymbolicLink())) continue
      if (!idPattern.test(entry) || entry.length > 40) {
        this.report(
          'id',
          `"${entry}" is no id: small letters, digits and inner hyphens, at most 40 characters`,
          beginningOf(`${name}/${entry}`),
        )
      } else found.push(entry)
    }
    return found
  }

  async entries(name: string): Promise<readonly string[]> {
    try {
      return (await readdir(join(this.#root, name))).filter((entry) => !entry.startsWith('.')).sort()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT')
        this.report('unreadable', `${name} cannot be read (${code ?? String(error)})`, beginningOf(name))
      return []
    }
  }

  /** Of a path that is inside. */
  textOf(path: string): Promise<string> {
    return readFile(path, 'utf8')
  }

  /** Whether a path exists and, its links followed, lies in the project. */
  async isInside(path: string): Promise<boolean> {
    try {
      const real = await realpath(path)
      const root = await realpath(this.#root)
      return real === root || real.startsWith(root + sep)
    } catch {
      return false
    }
  }
}

const otherEnding = (file: string) => file.replace(/\.yaml$/, '.yml')

/** The nearest folder above that looks like a project; null where there is none. */
async function projectAbove(root: string): Promise<string | null> {
  const above = dirname(root)
  if (above === root) return null
  if ((await exists(join(above, 'stacks'))) && (await exists(join(above, 'environments')))) return above
  return projectAbove(above)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
