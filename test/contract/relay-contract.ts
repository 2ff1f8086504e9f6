/** What the helper of an engine promises of the scripts that are run through it, whichever engine carries its connection. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import { manyListeners } from '../../src/lib/abort.ts'
import { type Helper, ownRuntime, startHelper } from '../../src/run/relay/helper.ts'
import { Teardown } from '../../src/run/teardown.ts'
import { until } from '../support/until.ts'

export function relayContract(name: string, open: () => Promise<Engine>): void {
  describe(`${name}: scripts of the helper`, () => {
    const signal = manyListeners(new AbortController().signal)
    const teardown = new Teardown()
    let engine: Engine
    let helper: Helper
    beforeAll(async () => {
      engine = await open()
      const [host] = await engine.hosts({ signal })
      if (host === undefined) throw new Error('the engine has no machine')
      helper = await startHelper(host.engine, {
        image: await ensureHelperImage(engine, { signal }),
        name: `matrix-relay-${process.pid}-${Math.random().toString(36).slice(2)}`,
        labels: {},
        runtime: ownRuntime(await engine.facts({ signal })),
        teardown,
        signal,
      })
    })
    afterAll(async () => {
      await teardown.run(30_000)
      await engine[Symbol.asyncDispose]()
    })

    const script = (text: string, ...args: readonly string[]) => helper.script(text, { args, signal })
    /** How many processes of the engine's machine have a word among theirs. */
    const having = async (word: string) =>
      Number((await script('/bin/busybox ps -o args | /bin/busybox grep -c "^[^ ]*busybox sleep $1"', word)).stdout)

    test('one is given its words as they are, and tells how it ended', async () => {
      const words = ["it's", '$(reboot)', 'two\nlines', '', 'ä']
      expect(await script('for word; do echo "<$word>"; done; echo trouble >&2; exit 3', ...words)).toEqual({
        exitCode: 3,
        stdout: words.map((word) => `<${word}>\n`).join(''),
        stderr: 'trouble\n',
        cutBytes: { stdout: 0, stderr: 0 },
      })
    })

    test('what many say at once does not mix, and is bounded', async () => {
      const says = (letter: string) => script('/bin/busybox yes "$1" | /bin/busybox head -n 20000', letter)
      const said = await Promise.all([...'abcdefgh'].map(says))
      expect(said.map(({ stdout }) => stdout)).toEqual([...'abcdefgh'].map((letter) => `${letter}\n`.repeat(20_000)))
      const bounded = await helper.script('echo 1234567890', { args: [], signal, maxBytes: 4 })
      expect(bounded).toMatchObject({ stdout: '1234', cutBytes: { stdout: 7 } })
    })

    test('a stream carries every byte both ways, to its end', async () => {
      const sent = randomBytes(300_000)
      const stream = await helper.stream('exec /bin/busybox cat', { args: [], signal })
      stream.end(sent)
      expect((await bytesOf(stream)).equals(sent)).toBe(true)
      const counts = await helper.stream('/bin/busybox wc -c; echo done', { args: [], signal })
      counts.end(sent)
      expect((await bytesOf(counts)).toString()).toBe('300000\ndone\n')
    })

    test('one that does not read keeps nobody else waiting', async () => {
      const stream = await helper.stream('exec /bin/busybox sleep 1000', { args: [], signal })
      stream.write(randomBytes(300_000))
      expect((await script('echo still here')).stdout).toBe('still here\n')
      stream.destroy()
    })

    test('whoever writes to one that has ended hears its end', async () => {
      const stream = await helper.stream('echo over', { args: [], signal })
      expect((await bytesOf(stream)).toString()).toBe('over\n')
      await new Promise<void>((resolve) => stream.end(randomBytes(300_000), resolve))
    })

    test('one that is given up ends, with all that it started', async () => {
      const seconds = String(100_000 + Math.floor(Math.random() * 900_000))
      const text = '/bin/busybox sleep "$1" & /bin/busybox sleep "$1"'
      const patience = new AbortController()
      const runs = helper.script(text, { args: [seconds], signal: patience.signal })
      const stream = await helper.stream(text, { args: [seconds], signal })
      await until(async () => (await having(seconds)) === 4)
      patience.abort(new Error('it took too long'))
      await expect(runs).rejects.toThrow('it took too long')
      stream.destroy()
      await once(stream, 'close')
      await until(async () => (await having(seconds)) === 0)
    })
  })
}

async function bytesOf(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
