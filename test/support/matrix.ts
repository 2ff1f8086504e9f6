/** The built program, run as a user runs it. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { CellRecord, RunRecord } from '../../src/model/run-record.ts'

const program = fileURLToPath(new URL('../../bin/matrix.js', import.meta.url))

interface Options {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Words that the command is put behind, such as `nsenter` and what it enters. */
  readonly within?: readonly string[]
}
interface Result {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** Starts it; `npm test` has built it before. */
export function startMatrix(args: readonly string[], options: Options) {
  if (!existsSync(fileURLToPath(new URL('../../dist/cli.js', import.meta.url)))) {
    throw new Error('the program is not built; run npm run build first')
  }
  const [command = process.execPath, ...words] = [...(options.within ?? []), process.execPath, program, ...args]
  return execa(command, words, {
    cwd: options.cwd,
    // Where the tests themselves run in a job of GitHub, the program is not to speak to it.
    env: { NO_COLOR: '1', GITHUB_ACTIONS: '', ...options.env },
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 64 * 1024 * 1024,
  })
}

export async function matrix(args: readonly string[], options: Options): Promise<Result> {
  const { exitCode, stdout, stderr } = await startMatrix(args, options)
  return { exitCode, stdout: String(stdout), stderr: String(stderr) }
}

/** What happens while the program runs. @throws with what it said where it ends before that. */
export async function during<T>(running: ReturnType<typeof startMatrix>, happens: Promise<T>): Promise<T> {
  const ended = running.then(({ stderr }) => Promise.reject(new Error(`it ended too early:\n${stderr}`)))
  ended.catch(() => {})
  return Promise.race([happens, ended])
}

export interface CheckedRun {
  readonly exitCode: number | undefined
  readonly run: RunRecord
  readonly stderr: string
  /** @throws where the run has no such cell */
  cell(id: string): CellRecord
}

/** `matrix check --json` over a project. */
export async function check(root: string, ...args: readonly string[]): Promise<CheckedRun> {
  const { exitCode, stdout, stderr } = await matrix(['check', '--json', ...args], { cwd: root })
  let run: RunRecord
  try {
    run = JSON.parse(stdout) as RunRecord
  } catch {
    throw new Error(`matrix check ended with ${exitCode} and printed no run:\n${stderr}`)
  }
  return {
    exitCode,
    run,
    stderr,
    cell(id) {
      const cell = run.cells.find((one) => one.id === id)
      if (cell === undefined) throw new Error(`the run has no cell ${id}`)
      return cell
    },
  }
}

/** What kept a run from being green, in words to read where a test fails; nothing where it is. */
export function troubleOf({ exitCode, run }: CheckedRun): readonly string[] {
  const cells = run.cells.filter(({ outcome }) => outcome !== 'pass')
  const checks = run.cells.flatMap((cell) => cell.checks.map((check) => ({ cell, check })))
  return [
    ...(exitCode === 0 ? [] : [`exit code ${exitCode}`]),
    ...cells.map(({ id, outcome, reason, message }) => `${id} ${outcome} (${reason}): ${message}`),
    ...checks
      .filter(({ check }) => check.outcome !== 'pass')
      .map(({ cell, check }) => `${cell.id}, ${check.name} ${check.outcome}: ${check.message}`),
  ]
}
