/** What a command may know of the process that it runs in, so that no command touches `process` itself. */

export interface Io {
  /** Text for a reader or a pipe; dropped once nobody reads it any more. */
  stdout(text: string): void
  stderr(text: string): void
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder that `--project` named, else the working directory; absolute. */
  readonly cwd: string
  /** Where the caller stands: what is printed as a path to be opened is relative to it. */
  readonly workingFolder: string
  readonly isTTY: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Size of the terminal in characters, read anew each time; 80 × 24 where there is none. */
  readonly columns: number
  readonly rows: number
  readonly color: boolean
  /** Aborts with a `CancelledError` on the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  readonly stdinStream: NodeJS.ReadStream
  readonly stdoutStream: NodeJS.WriteStream
  readonly stderrStream: NodeJS.WriteStream
}

/** For a table: of the terminal; through a pipe wide enough that nothing of it is cut. */
export const tableWidth = (io: Pick<Io, 'isTTY' | 'columns'>): number => (io.isTTY.stdout ? io.columns : 200)
