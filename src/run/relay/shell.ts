/**
 * Many scripts at once over one connection to a shell in a container. An engine takes a hundred milliseconds of a processor
 * to enter a container, and a run does so some thirty times in a cell; a shell that is there already only forks.
 *
 * What goes in are lines `ID ACT SIZE`, each with SIZE bytes behind it:
 *
 *     000001 run 120    a script, as text, that reads nothing
 *     000002 open 85    one that reads what is written to it
 *     000002 write 5    input of it; the next only once it was told `ok`, so that nobody waits for one that does not read
 *     000002 end 0      there is no more
 *     000002 close 0    ends it, if it has not ended, and forgets it
 *
 * What comes out are lines `ID ok`, `ID out BASE64`, `ID err BASE64` and, once, `ID end CODE`. Each is one write of no more
 * than a pipe takes in one piece, so that those of several scripts do not mix.
 */
import { Duplex } from 'node:stream'
import { EngineError, type ExecResult } from '../../engines/engine.ts'
import { abortable } from '../../lib/abort.ts'
import { BoundedText } from '../../lib/bounded-text.ts'
import { oneLine } from '../../lib/printable.ts'
import { shellWord } from './sandbox.ts'

export interface Script {
  /** For busybox's shell. */
  readonly text: string
  /** `$1`, `$2`, … */
  readonly args: readonly string[]
}

/** No line of the shell's is longer than what a pipe takes in one piece. Source: pipe(7), PIPE_BUF. */
const longestLine = 4096
/** So that a line is that long but for the last one: `dd` writes the one as the other. */
const contentOfLine = longestLine - '000001 out \n'.length

/**
 * One script. Its last part stays until it is closed, so that the number of its group of processes, which are the machine's
 * where the container shares them, means nothing else until then.
 */
const processScript = `id=$1 f=$D/$1
exec 7>&1 8<>$f.in
feed() {
  echo "$id ok" >&7
  while read -r n && [ "$n" != 0 ]; do $B dd bs=$n count=1 iflag=fullblock 2>/dev/null; echo "$id ok" >&7; done
}
say() { $B base64 -w ${contentOfLine} | $B sed "s/^/$id $1 /" | $B dd bs=${longestLine} iflag=fullblock >&7 2>/dev/null; }
work() { (. $f.sh) 2>$f.err 7>&- 8>&-; echo $? >$f.code; }
tell() {
  while $B dd bs=65536 count=1 of=$f.out 2>/dev/null && [ -s $f.out ]; do say out <$f.out; done
  [ -s $f.err ] && say err <$f.err
  read -r code <$f.code
  echo "$id end $code" >&7
  read -r code <&8
}
case $2 in
  open) feed <&8 8>&- | work | tell ;;
  run) work </dev/null | tell ;;
esac`

const shellScript = `B=/bin/busybox D=/tmp/matrix-shell-$$ P=$1
export B D
$B mkdir -p $D
stop() { eval "kill -9 -\\$p$1 2>/dev/null || kill -9 \\$p$1"; $B rm -f $D/$1.*; }
while read -r id act n; do
  case $act in
    run | open)
      $B dd bs=$n count=1 iflag=fullblock of=$D/$id.sh 2>/dev/null
      $B mkfifo $D/$id.in
      $B setsid $B sh -c "$P" sh $id $act </dev/null &
      eval "p$id=$!"
      ;;
    write) { echo $n; $B dd bs=$n count=1 iflag=fullblock 2>/dev/null; } 1<>$D/$id.in ;;
    end) echo 0 1<>$D/$id.in ;;
    close) stop $id ;;
  esac
done
for f in $D/*.in; do f=\${f##*/}; stop \${f%.in}; done 2>/dev/null
$B rm -r $D`

/** The command of the shell that `Shell` talks to. */
export const shellCommand: readonly string[] = ['/bin/busybox', 'sh', '-c', shellScript, 'sh', processScript]

/** What hears of one script. */
interface Listener {
  ok(): void
  out(chunk: Buffer): void
  err(chunk: Buffer): void
  end(exitCode: number): void
  fail(error: EngineError): void
}

/** Opens its connection when it is first asked for something, and again where it broke. */
export class Shell {
  readonly #connect: () => Promise<Duplex>
  #connection: Promise<Connection> | null = null

  /** @param connect runs `shellCommand`: a stream to its stdin and from its stdout. Rejects with `EngineError` */
  constructor(connect: () => Promise<Duplex>) {
    this.#connect = connect
  }

  /** Rejects with `EngineError`, or with the signal's reason, which ends the script. */
  async run(script: Script, options: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<ExecResult> {
    const connection = await this.#open(options.signal)
    const stdout = new BoundedText(options.maxBytes)
    const stderr = new BoundedText(options.maxBytes)
    let id = ''
    const ended = new Promise<number>((resolve, reject) => {
      id = connection.start('run', script, {
        ok: () => {},
        out: (chunk) => stdout.push(chunk),
        err: (chunk) => stderr.push(chunk),
        end: resolve,
        fail: reject,
      })
    })
    try {
      const exitCode = await abortable(ended, options.signal)
      const cutBytes = { stdout: stdout.cutBytes, stderr: stderr.cutBytes }
      return { exitCode, stdout: stdout.text, stderr: stderr.text, cutBytes }
    } finally {
      connection.close(id)
    }
  }

  /**
   * A script whose stdin and stdout are the two directions of the stream; stderr is dropped. Destroying the stream ends the
   * script. The signal covers the opening only.
   */
  async open(script: Script, { signal }: { readonly signal: AbortSignal }): Promise<Duplex> {
    return streamOf(script, await this.#open(signal))
  }

  /** Ends every script, and with them the connection; waits for no engine that does not answer. */
  dispose(): void {
    this.#connection?.then(
      ({ stream }) => stream.destroy(),
      () => {},
    )
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted()
    let opening = this.#connection
    if (opening === null) {
      const forget = () => {
        if (this.#connection === opening) this.#connection = null
      }
      opening = this.#connect().then((stream) => new Connection(stream, forget))
      opening.catch(forget)
      this.#connection = opening
    }
    // Others wait for it too, so that it is not ended with this one's signal.
    return abortable(opening, signal)
  }
}

class Connection {
  readonly stream: Duplex
  readonly #listeners = new Map<string, Listener>()
  #lastId = 0
  #unread = ''
  #lost: EngineError | null = null

  constructor(stream: Duplex, onLost: () => void) {
    this.stream = stream
    const lose = (error: EngineError) => {
      if (this.#lost !== null) return
      this.#lost = error
      onLost()
      stream.destroy()
      for (const listener of [...this.#listeners.values()]) listener.fail(error)
      this.#listeners.clear()
    }
    stream.on('data', (chunk: Buffer) => {
      try {
        this.#read(chunk)
      } catch (error) {
        lose(error instanceof EngineError ? error : new EngineError('failed', String(error)))
      }
    })
    stream.on('error', (error) =>
      lose(error instanceof EngineError ? error : new EngineError('unreachable', error.message)),
    )
    stream.on('close', () => lose(new EngineError('unreachable', 'the shell that reaches into networks ended')))
    stream.on('end', () => stream.destroy())
  }

  /** @returns what `close` and `write` know it by */
  start(act: 'run' | 'open', { text, args }: Script, listener: Listener): string {
    const id = String(++this.#lastId).padStart(6, '0')
    this.#listeners.set(id, listener)
    if (this.#lost === null)
      this.#send(`${id} ${act}`, Buffer.from(`set -- ${args.map(shellWord).join(' ')}\n${text}\n`))
    else listener.fail(this.#lost)
    return id
  }

  write(id: string, chunk: Buffer): void {
    this.#send(`${id} write`, chunk)
  }

  end(id: string): void {
    this.#send(`${id} end`, Buffer.alloc(0))
  }

  close(id: string): void {
    if (this.#listeners.delete(id)) this.#send(`${id} close`, Buffer.alloc(0))
  }

  #send(line: string, payload: Buffer): void {
    if (this.#lost === null) this.stream.write(Buffer.concat([Buffer.from(`${line} ${payload.length}\n`), payload]))
  }

  #read(chunk: Buffer): void {
    const lines = (this.#unread + chunk.toString('latin1')).split('\n')
    this.#unread = lines.pop() ?? ''
    for (const line of lines) this.#hear(line)
    if (this.#unread.length > longestLine) throw notUnderstood(this.#unread)
  }

  #hear(line: string): void {
    const [, id, what, content = ''] = /^(\d+) (ok|out|err|end)(?: (\S+))?$/.exec(line) ?? []
    if (id === undefined) throw notUnderstood(line)
    // Of one that was closed something may still be under way.
    const listener = this.#listeners.get(id)
    if (what === 'ok') listener?.ok()
    else if (what === 'end') listener?.end(Number(content))
    else listener?.[what === 'out' ? 'out' : 'err'](Buffer.from(content, 'base64'))
  }
}

const notUnderstood = (line: string) =>
  new EngineError(
    'failed',
    `the shell that reaches into networks says what means nothing: ${oneLine(line.slice(0, 200))}`,
  )

/** Half of what a pipe holds, so that no write of the shell waits for the script. Source: pipe(7). */
const pieceBytes = 32 * 1024

function streamOf(script: Script, connection: Connection): Duplex {
  // What is lost already fails while it starts.
  let id = ''
  /** Takes the next piece; null while the script has not taken the last one. */
  let next: (() => void) | null = null
  let isReady = false
  let isOver = false
  const whenReady = (act: () => void) => {
    if (isOver) return act()
    next = () => {
      next = null
      isReady = false
      act()
    }
    if (isReady) next()
  }
  const write = (chunk: Buffer, done: () => void): void =>
    whenReady(() => {
      if (isOver) return done()
      connection.write(id, chunk.subarray(0, pieceBytes))
      if (chunk.length <= pieceBytes) done()
      else write(chunk.subarray(pieceBytes), done)
    })
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => write(chunk, done),
    final: (done) =>
      whenReady(() => {
        if (!isOver) connection.end(id)
        done()
      }),
    destroy: (error, done) => {
      isOver = true
      connection.close(id)
      next?.()
      done(error)
    },
  })
  id = connection.start('open', script, {
    ok: () => {
      isReady = true
      next?.()
    },
    out: (chunk) => void stream.push(chunk),
    err: () => {},
    end: () => {
      isOver = true
      next?.()
      stream.push(null)
    },
    fail: (error) => stream.destroy(error),
  })
  return stream
}
