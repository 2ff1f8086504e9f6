/** A located mistake in a file that the user wrote. */

/** `line` and `column` start at 1; `length` is what the caret underlines. */
export interface SourceLocation {
  /** Relative to the project's root, with forward slashes. */
  readonly file: string
  readonly line: number
  readonly column: number
  readonly length: number
}

export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  /** A stable code such as `unknown-key`, `unit`, `duplicate-key`. */
  readonly code: string
  readonly message: string
  readonly at: SourceLocation
  /** The text of the line that `at` names, for the caret. */
  readonly sourceLine?: string
  /** The names that would have been accepted. */
  readonly allowed?: readonly string[]
  /** What to do next. */
  readonly hint?: string
}
