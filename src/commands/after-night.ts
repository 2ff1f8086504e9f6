/** What follows a night: its files where others look for them, and those are told who want to know what changed. */
import { copyFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { oneLine } from '../lib/printable.ts'
import { notificationOf } from '../model/notification.ts'
import type { Project } from '../model/project.ts'
import type { RunRecord } from '../model/run-record.ts'
import { runFolder } from '../record/run-folder.ts'
import { verdictSentence } from '../reporters/sentence.ts'
import { enterGithubJob } from './github.ts'
import type { Io } from './io.ts'
import { loadPlan } from './load-plan.ts'
import { notify } from './notify.ts'
import { readSecrets } from './secrets.ts'

const junitOf = (reports: string): string => join(reports, 'junit.xml')

/** What stands there is of the night before, and is not to be published as this one's. */
export function unpublish(reports: string): void {
  rmSync(junitOf(reports), { force: true })
}

/** Where CI servers, collectors and badges look for the last night, whatever its id. */
export function publish(reports: string, run: RunRecord): void {
  const folder = runFolder(reports, run.id)
  copyFileSync(folder.junit, junitOf(reports))
  copyFileSync(folder.metrics, join(reports, 'metrics.prom'))
  copyFileSync(folder.badge, join(reports, 'badge.json'))
}

export async function tellChanges(
  run: RunRecord,
  context: { readonly options: { readonly project?: string }; readonly io: Io; readonly reports: string },
): Promise<void> {
  const { io, options, reports } = context
  const root = options.project ?? io.cwd
  const report = relative(root, runFolder(reports, run.id).html)
  const notification = notificationOf(run, { sentence: verdictSentence(run), report })
  if (notification === null) {
    io.stderr('nothing changed since the run before; nobody is told\n')
    return
  }
  // The fence of the run is closed by now, and what a container said is told here once more.
  const github = enterGithubJob(io)
  try {
    for (const { cell, change, message } of notification.changed) {
      io.stderr(`${change} ${cell}${message === null ? '' : `: ${oneLine(message)}`}\n`)
    }
    const settings = await projectOf(options, io)
    if (settings === null || settings.project.notify.length === 0) return
    await notify(settings.project.notify, notification, { io, root, secret: settings.secret })
  } finally {
    await github?.end(null)
  }
}

async function projectOf(
  options: { readonly project?: string },
  io: Io,
): Promise<{ readonly project: Project; readonly secret: (name: string) => string } | null> {
  // What is wrong with the files has been told by the check.
  const loaded = await loadPlan({ ...options }, { ...io, stderr: () => {} })
  if (!loaded.ok) return null
  const secrets = await readSecrets(loaded.plan.project, io)
  const values = secrets.ok ? secrets.values : new Map<string, string>()
  return { project: loaded.plan.project, secret: (name) => values.get(name) ?? '' }
}
