/** In a job of GitHub Actions: what a container prints is no command, and the job's page says what the run came to. */
import { randomUUID } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import type { RunRecord } from '../model/run-record.ts'
import { fence, renderAnnotations } from '../reporters/github.ts'
import { renderMarkdown } from '../reporters/markdown.ts'
import type { Io } from './io.ts'

export interface GithubJob {
  /** Gives commands their meaning back, annotates, and writes the summary. `run` is null where there is none. */
  end(run: RunRecord | null): Promise<void>
}

/** Fences the log from now on; null outside of such a job. */
export function enterGithubJob(io: Io): GithubJob | null {
  if (io.env['GITHUB_ACTIONS'] !== 'true') return null
  const { begin, end } = fence(randomUUID())
  io.stderr(begin)
  return {
    async end(run) {
      io.stderr(end)
      if (run === null) return
      io.stderr(renderAnnotations(run))
      const summary = io.env['GITHUB_STEP_SUMMARY']
      if (summary) await appendFile(summary, renderMarkdown(run))
    },
  }
}
