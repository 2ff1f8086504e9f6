/** Which commit of the project a run looked at. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { SourceRecord } from '../model/run-record.ts'
import type { Io } from './io.ts'

const timeoutMs = 10_000

/** Null where the folder is no working copy, or git is not there. */
export async function sourceOf(root: string, io: Io): Promise<SourceRecord | null> {
  const git = async (...args: readonly string[]) => {
    const options = { cwd: root, timeout: timeoutMs, env: { ...io.env, GIT_OPTIONAL_LOCKS: '0' } }
    return (await promisify(execFile)('git', [...args], options)).stdout.trim()
  }
  try {
    const commit = await git('rev-parse', '--verify', 'HEAD')
    const branch = await git('rev-parse', '--abbrev-ref', 'HEAD')
    const dirty = (await git('status', '--porcelain', '--untracked-files=no')) !== ''
    return { commit, branch: branch === 'HEAD' ? null : branch, dirty }
  } catch {
    return null
  }
}
