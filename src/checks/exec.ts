/** What an `exec` check asserts of a command. */
import { oneLine } from '../lib/printable.ts'
import type { ExecProbe } from '../model/check.ts'
import type { ExecObservation } from '../model/observation.ts'
import { cutText } from './cut.ts'
import type { Assertion } from './verdict.ts'

/** One trailing newline of each stream is dropped. */
export function execAssertions(probe: ExecProbe, seen: ExecObservation): readonly Assertion[] {
  const { exit_code, stdout, stderr } = probe.expect
  return [
    ...(exit_code === undefined
      ? []
      : [{ name: 'exit_code', matcher: exit_code, value: seen.exitCode, clue: lastWords(seen) }]),
    ...(stdout === undefined ? [] : [{ name: 'stdout', matcher: stdout, ...stream(seen, 'stdout') }]),
    ...(stderr === undefined ? [] : [{ name: 'stderr', matcher: stderr, ...stream(seen, 'stderr') }]),
  ]
}

function stream(seen: ExecObservation, name: 'stdout' | 'stderr'): Pick<Assertion, 'value' | 'cut'> {
  const cut = cutText(seen.cutBytes[name])
  return { value: cut === undefined ? seen[name].replace(/\r?\n$/, '') : seen[name], cut }
}

/** How what a command said begins and ends; in one of the two stands why it failed. */
function lastWords(seen: ExecObservation): string {
  const lines = (seen.stderr.trim() || seen.stdout.trim()).split('\n')
  const [first = '', last = ''] = [lines[0], lines.at(-1)].map((line) => oneLine((line ?? '').trim()))
  return first === last ? first : `${first} … ${last}`
}
