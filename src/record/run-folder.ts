/** Where a run keeps its files, and what its id looks like. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface RunFolder {
  readonly id: string
  readonly path: string
  readonly journal: string
  readonly record: string
  readonly evidence: string
  readonly html: string
  readonly junit: string
  readonly ctrf: string
  readonly metrics: string
  readonly badge: string
  readonly summary: string
}

const idPattern = /^\d{4}-\d\d-\d\d-\d{6}-[0-9a-f]{4}$/

export const reportsFolder = (root: string): string => join(root, 'reports')

export function runFolder(reports: string, id: string): RunFolder {
  const path = join(reports, id)
  return {
    id,
    path,
    journal: join(path, 'events.jsonl'),
    record: join(path, 'run.json'),
    evidence: join(path, 'evidence'),
    html: join(path, 'index.html'),
    junit: join(path, 'junit.xml'),
    ctrf: join(path, 'ctrf.json'),
    metrics: join(path, 'metrics.prom'),
    badge: join(path, 'badge.json'),
    summary: join(path, 'summary.md'),
  }
}

/**
 * Makes a folder for a new run. Its id is the time in UTC and four random digits, so that two runs that start
 * together do not meet: `2026-01-31-230000-1a2b`.
 *
 * @param startedAt ISO 8601, UTC
 * @throws the file system's error where the folder cannot be made
 */
export function createRunFolder(reports: string, startedAt: string): RunFolder {
  const [day = '', time = ''] = startedAt.split('T')
  for (;;) {
    const id = `${day}-${time.slice(0, 8).replaceAll(':', '')}-${randomBytes(2).toString('hex')}`
    const folder = runFolder(reports, id)
    if (existsSync(folder.path)) continue
    mkdirSync(folder.evidence, { recursive: true })
    return folder
  }
}

/** Ids of all runs that left a journal, the oldest first. */
export function runIds(reports: string): readonly string[] {
  try {
    return readdirSync(reports)
      .filter((name) => idPattern.test(name) && existsSync(runFolder(reports, name).journal))
      .sort()
  } catch {
    return []
  }
}

/** The id that `latest.json` names; null where there is none. A killed run never wrote it. */
export function latestRun(reports: string): string | null {
  try {
    const { run } = JSON.parse(readFileSync(join(reports, 'latest.json'), 'utf8')) as { readonly run?: unknown }
    return typeof run === 'string' && idPattern.test(run) ? run : null
  } catch {
    return null
  }
}

export const isRunId = (text: string): boolean => idPattern.test(text)
