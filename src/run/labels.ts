/** The labels and names by which everything that a run makes can be found again, and swept. */
import type { Labels } from '../engines/engine.ts'

export type Role = 'workload' | 'need' | 'relay' | 'client' | 'host'

export interface RunIdentity {
  readonly project: string
  readonly run: string
  /** Machine, process id and its start time. */
  readonly owner: string
  /** Milliseconds since the epoch after which another machine may sweep what is left. */
  readonly deadlineAt: number
}

export function labelsOf(identity: RunIdentity, role: Role, cell?: string): Labels {
  return {
    'matrix.project': identity.project,
    'matrix.run': identity.run,
    'matrix.role': role,
    'matrix.owner': identity.owner,
    'matrix.deadline': String(identity.deadlineAt),
    ...(cell === undefined ? {} : { 'matrix.cell': cell }),
  }
}

/** A name of an engine's object; `part` is an id or another part of the project's own making. */
export function objectName(identity: Pick<RunIdentity, 'run'>, ...parts: readonly string[]): string {
  return ['matrix', identity.run, ...parts.map((part) => part.replace('@', '.'))].join('-').toLowerCase()
}

/** What an image of the project is called on an engine that it was brought to. */
export const imageTag = (row: string, { project }: RunIdentity): string => `matrix-${project}/${row}:latest`
