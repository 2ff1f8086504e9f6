/** Accepted failures, as declared and as a run found them. */

/** As `waivers.yaml` declares it. */
export interface Waiver {
  readonly match: {
    /** A row id, or the base id of all its variants. */
    readonly stack: string
    readonly environment: string
    readonly check?: string
    /** Of the one failure that it accepts. */
    readonly signature: string
  }
  readonly reason: string
  readonly owner: string
  readonly issue: string | null
  /** Days, as `2026-12-31`; the last one is still covered. */
  readonly created: string
  readonly expires: string
  /** `file:line:column` of the declaration. */
  readonly at: string
}

/**
 * `used`: it covers a failure; `passing`: its cells pass, so it can go; `other-failure`: they fail in a way that it does
 * not name; `unobserved`: they gave no answer; `ended`: its time is over; `absent`: the run has no cell that it names.
 */
export type WaiverState = 'used' | 'passing' | 'other-failure' | 'unobserved' | 'ended' | 'absent'
export interface WaiverUse extends Waiver {
  readonly state: WaiverState
  /** Days until it ends, as of the start of the run; negative where it ended. */
  readonly daysLeft: number
  /** The cells that it names, of this run. */
  readonly cells: readonly string[]
}

/** So many days before its end a waiver is told of. */
export const soonDays = 7
