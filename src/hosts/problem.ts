/** Why there is no engine to use, and what to do about it. */

export interface HostProblem {
  /** `usage`: what was asked for is refused, exit 2. `machine`: it cannot be had here and now, exit 3. */
  readonly kind: 'usage' | 'machine'
  readonly message: string
  readonly hint: string
}
