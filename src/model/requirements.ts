/** What a stack needs of any environment, as `matrix requirements` found it. */
export interface Requirement {
  readonly what: string
  readonly least: string
}

/** The result of a search, as it is kept. */
export interface RequirementsRecord {
  readonly schemaVersion: 1
  readonly row: string
  /** When the search began; ISO 8601, UTC. */
  readonly startedAt: string
  /** Of what it was found; null where that is not known. */
  readonly imageId: string | null
  /** Where it was found, such as `docker 27.0.1, 6.1.0 amd64`; null where that is not known. */
  readonly engine: string | null
  readonly rows: readonly Requirement[]
  /** Whether it passed with all of this at once; null where that was not tried. */
  readonly together: boolean | null
  /** False where the search did not come to its end. */
  readonly complete: boolean
}
