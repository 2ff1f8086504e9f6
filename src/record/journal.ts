/** The append-only journal of a run: one event a line, on the disk as it happens. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { RunEvent } from '../model/event.ts'

export class Journal {
  readonly #file: number
  #trouble: Error | null = null

  /** @throws the file system's error where the file is there already or cannot be made */
  constructor(path: string) {
    this.#file = openSync(path, 'ax')
  }

  /** Written when this returns, so that a `kill -9` loses nothing that was said before it. */
  append(event: RunEvent): void {
    if (this.#trouble !== null) return
    try {
      writeSync(this.#file, `${JSON.stringify(event)}\n`)
    } catch (error) {
      // A full disk must not end cells that are being cleaned up; the run says so at its end.
      this.#trouble = error instanceof Error ? error : new Error(String(error))
    }
  }

  /** Why the journal is not whole; null where it is. */
  get trouble(): Error | null {
    return this.#trouble
  }

  close(): void {
    closeSync(this.#file)
  }
}

/**
 * The events of a journal. A last line that was torn by a kill is left out.
 *
 * @throws where a line before the last is not an event, or the file cannot be read
 */
export function readJournal(path: string): readonly RunEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const events: RunEvent[] = []
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    const event = parse(line)
    if (event !== null) events.push(event)
    else if (index < lines.length - 1) throw new Error(`${path}:${index + 1}: this is not an event of a run`)
  }
  return events
}

function parse(line: string): RunEvent | null {
  try {
    const value = JSON.parse(line) as { readonly type?: unknown; readonly atMs?: unknown } | null
    return typeof value?.type === 'string' && typeof value.atMs === 'number' ? (value as unknown as RunEvent) : null
  } catch {
    return null
  }
}
