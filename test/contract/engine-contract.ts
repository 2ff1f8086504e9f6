/** What every engine behind the port does: one suite for the fake and for each real driver. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ContainerEvent, type ContainerSpec, type Engine, EngineError } from '../../src/engines/engine.ts'
import type { FakeProgram } from '../../src/engines/fake/fake-engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import { until } from '../support/until.ts'

const sh = (script: string): readonly string[] => ['/bin/busybox', 'sh', '-c', script]
const talks = sh('echo one; echo two >&2; exit 3')
const pauses = sh(
  "printf ready; /bin/busybox sleep 0.5; printf ', and'; /bin/busybox sleep 0.5; echo ' steady'; echo done",
)
const floods = sh('/bin/busybox yes 0123456789 | /bin/busybox head -n 1000')
// Some live as long as the suite: none takes a processor that the engine needs, which is emulated perhaps.
const stays = sh("trap 'exit 5' TERM; echo up; /bin/busybox sleep 1000 & wait")
const deaf = sh("trap '' TERM; echo up; exec /bin/busybox sleep 1000")

/** The same commands, as the engine in memory knows them. */
export const fakePrograms: Readonly<Record<string, FakeProgram>> = Object.fromEntries<FakeProgram>([
  [talks.join(' '), { stdout: ['one'], stderr: ['two'], exitCode: 3 }],
  [pauses.join(' '), { stdout: ['ready, and steady', 'done'], exitCode: 0 }],
  [floods.join(' '), { stdout: Array.from({ length: 1000 }, () => '0123456789'), exitCode: 0 }],
  [stays.join(' '), { stdout: ['up'], exitCode: null, onStop: 5 }],
  [deaf.join(' '), { stdout: ['up'], exitCode: null, onStop: null }],
])

/** @param open gives an engine that answers, and throws where there is none. */
export function engineContract(name: string, open: () => Promise<Engine>): void {
  describe(`the ${name} engine`, () => {
    const labels = { 'matrix.contract': randomBytes(6).toString('hex') }
    const options = { signal: new AbortController().signal }
    let engine: Engine
    let image: string
    let count = 0

    beforeAll(async () => {
      engine = await open()
      image = await ensureHelperImage(engine, options)
    })
    afterAll(async () => {
      for (const { id } of await engine.list('container', labels, options)) await engine.containers.remove(id, options)
      for (const { id } of await engine.list('network', labels, options)) await engine.networks.remove(id, options)
      for (const { id } of await engine.list('volume', labels, options)) await engine.volumes.remove(id, options)
      await engine[Symbol.asyncDispose]()
    })

    const newName = () => `matrix-contract-${labels['matrix.contract']}-${count++}`
    const create = async (command: readonly string[], rest: Partial<ContainerSpec> = {}) => {
      const spec = {
        name: newName(),
        image,
        labels,
        entrypoint: command,
        environment: {},
        constraints: {},
        volumes: [],
      }
      const { id } = await engine.containers.create({ ...spec, network: { kind: 'none' }, ...rest }, options)
      return id
    }
    const started = async (command: readonly string[], rest: Partial<ContainerSpec> = {}) => {
      const id = await create(command, rest)
      await engine.containers.start(id, options)
      return id
    }
    /** Runs to its end; the log stream ends with the container. */
    const ended = async (command: readonly string[]) => {
      const id = await started(command)
      for await (const _ of await engine.containers.followLogs(id, options)) {
      }
      await until(async () => (await engine.containers.inspect(id, options)).status === 'exited')
      return id
    }
    // An emulated machine takes a quarter of a minute for a container: tests that leave one as it is share it.
    const shared = (make: () => Promise<string>) => {
      let made: Promise<string> | undefined
      return () => {
        made ??= make().catch((error) => {
          made = undefined
          throw error
        })
        return made
      }
    }
    const living = shared(() => started(stays))
    const talked = shared(() => ended(talks))
    const flooded = shared(() => ended(floods))
    const failure = async (work: Promise<unknown>): Promise<string> => {
      try {
        await work
      } catch (error) {
        return error instanceof EngineError ? error.code : `another error: ${error}`
      }
      return 'nothing failed'
    }

    test('says what it is', async () => {
      const facts = await engine.facts(options)
      expect(facts.name).not.toBe('')
      expect(facts.version).not.toBe('')
      expect(facts.cpus).toBeGreaterThan(0)
      expect(facts.memoryBytes).toBeGreaterThan(0)
    })

    test('knows the states of a container, and its exit code', async () => {
      const id = await create(talks)
      expect(await engine.containers.inspect(id, options)).toMatchObject({
        id,
        status: 'created',
        pid: 0,
        exitCode: null,
      })
      expect(await engine.containers.inspect(await talked(), options)).toMatchObject({
        status: 'exited',
        pid: 0,
        exitCode: 3,
      })
      const state = await engine.containers.inspect(await living(), options)
      expect(state).toMatchObject({ status: 'running', exitCode: null, restarts: 0 })
      expect(state.pid).toBeGreaterThan(0)
    })

    test('ends a container by its stop signal, and by force once the grace is over, and runs nothing in it then', async () => {
      const polite = await started(stays)
      await logSays(polite, 'up')
      await engine.containers.stop(polite, { ...options, graceMs: 30_000 })
      expect(await engine.containers.inspect(polite, options)).toMatchObject({ status: 'exited', exitCode: 5 })
      const afterwards = engine.containers.exec(polite, { command: talks, maxBytes: 1000 }, options)
      expect(await failure(afterwards)).toBe('conflict')
      const stubborn = await started(deaf)
      // Until it has said so it hears the signal as any other.
      await logSays(stubborn, 'up')
      await engine.containers.stop(stubborn, { ...options, graceMs: 1000 })
      expect(await engine.containers.inspect(stubborn, options)).toMatchObject({ status: 'exited', exitCode: 137 })
      const hasty = await started(deaf)
      await logSays(hasty, 'up')
      await engine.containers.stop(hasty, { ...options, graceMs: 250 })
      expect(await engine.containers.inspect(hasty, options)).toMatchObject({ status: 'exited', exitCode: 137 })
    })

    test('delivers a signal, and refuses one for a container that does not run', async () => {
      const id = await started(stays)
      await logSays(id, 'up')
      await engine.containers.kill(id, { ...options, killSignal: 'SIGTERM' })
      await until(async () => (await engine.containers.inspect(id, options)).status === 'exited')
      expect((await engine.containers.inspect(id, options)).exitCode).toBe(5)
      expect(await failure(engine.containers.kill(id, { ...options, killSignal: 'SIGTERM' }))).toBe('conflict')
    })

    test('restarts a container', async () => {
      const id = await started(stays)
      await logSays(id, 'up')
      await engine.containers.restart(id, { ...options, graceMs: 30_000 })
      expect((await engine.containers.inspect(id, options)).status).toBe('running')
    })

    test('gives logs in order, each line with its stream, in bounded memory', async () => {
      const { lines } = await engine.containers.logs(await talked(), { ...options, maxBytes: 1000 })
      const of = (stream: string) => lines.filter((line) => line.stream === stream).map((line) => line.text)
      expect([of('stdout'), of('stderr')]).toEqual([['one'], ['two']])
      const flood = await flooded()
      const cut = await engine.containers.logs(flood, { ...options, maxBytes: 500 })
      expect(Buffer.byteLength(cut.lines.map((line) => line.text).join(''))).toBeLessThanOrEqual(500)
      expect(cut.cutBytes).toBeGreaterThan(1000)
      const tail = await engine.containers.logs(flood, { ...options, maxBytes: 10_000, tail: 3 })
      expect(tail.lines.map((line) => line.text)).toEqual(['0123456789', '0123456789', '0123456789'])
    })

    test('gives a log from the time of a line on, that line and those of its time too', async () => {
      const id = await flooded()
      const { lines } = await engine.containers.logs(id, { ...options, maxBytes: 20_000 })
      const last = lines.at(-1)?.at
      expect(last).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
      const sameTime = lines.filter(({ at }) => at === last)
      const sinceMs = Date.parse(last ?? '')
      const from = await engine.containers.logs(id, { ...options, maxBytes: 20_000, sinceMs })
      expect(from.lines.filter(({ at }) => at === last)).toEqual(sameTime)
      const later = await engine.containers.logs(id, { ...options, maxBytes: 20_000, sinceMs: sinceMs + 2000 })
      expect(later.lines).toEqual([])
    })

    test('gives a line that was written in pieces as one', async () => {
      const { lines } = await engine.containers.logs(await ended(pauses), { ...options, maxBytes: 1000 })
      expect(lines.map((line) => line.text)).toEqual(['ready, and steady', 'done'])
    })

    test('runs commands in a container: exit code, streams, and 127 for what is not there', async () => {
      const id = await living()
      const run = (command: readonly string[], maxBytes = 1000) =>
        engine.containers.exec(id, { command, maxBytes }, options)
      expect(await run(talks)).toEqual({
        exitCode: 3,
        stdout: 'one\n',
        stderr: 'two\n',
        cutBytes: { stdout: 0, stderr: 0 },
      })
      expect((await run(['/no/such/program'])).exitCode).toBeGreaterThanOrEqual(126)
      const flood = await run(floods, 100)
      expect([Buffer.byteLength(flood.stdout), flood.cutBytes]).toEqual([100, { stdout: 11 * 1000 - 100, stderr: 0 }])
    })

    test('connects to a command both ways', async () => {
      const stream = await engine.containers.connect(await living(), ['/bin/busybox', 'cat'], options)
      stream.write('there and ')
      stream.end('back')
      let text = ''
      for await (const chunk of stream) text += String(chunk)
      expect(text).toBe('there and back')
    })

    test('runs a command in a terminal, and says how it ended', async () => {
      const size = { columns: 80, rows: 24, type: 'xterm' }
      const terminal = await engine.containers.terminal(await living(), { command: talks, ...size }, options)
      let text = ''
      for await (const chunk of terminal.stream) text += String(chunk)
      // A terminal has one output, and lines of its own.
      expect(text.split('\r\n').toSorted()).toEqual(['', 'one', 'two'])
      expect(await terminal.exitCode()).toBe(3)
    })

    test('tells of starts and ends as events, with labels and exit code', async () => {
      const watching = new AbortController()
      const own = { ...labels, 'matrix.watched': 'yes' }
      const events = await engine.watch(own, { signal: watching.signal })
      const seen: ContainerEvent[] = []
      const reading = (async () => {
        for await (const event of events) {
          seen.push(event)
          if (event.action === 'die') return
        }
      })()
      await started(talks)
      const id = await started(talks, { labels: own })
      await reading
      watching.abort(new Error('seen enough'))
      expect(seen.map((event) => [event.container, event.action])).toEqual([
        [id, 'start'],
        [id, 'die'],
      ])
      expect(seen.at(-1)).toMatchObject({ exitCode: 3, labels: own })
    })

    test('finds its things by label, each kind apart', async () => {
      const own = { ...labels, 'matrix.listed': randomBytes(4).toString('hex') }
      const container = await create(talks, { labels: own })
      const network = await engine.networks.create({ name: newName(), labels: own, internal: true }, options)
      const volume = newName()
      await engine.volumes.create({ name: volume, labels: own }, options)
      const ids = async (kind: 'container' | 'network' | 'volume', by = own as Readonly<Record<string, string>>) =>
        (await engine.list(kind, by, options)).map((one) => one.id)
      expect(await ids('container')).toEqual([container])
      expect(await ids('network')).toEqual([network.id])
      expect(await ids('volume')).toEqual([volume])
      expect(await ids('container', { 'matrix.listed': '' })).toContain(container)
      expect(await ids('container', { ...own, 'matrix.other': 'x' })).toEqual([])
      // Every one there is, where no label is asked for.
      expect(await ids('container', {})).toContain(container)
      expect((await engine.list('image', {}, options)).map(({ id }) => id)).toContain(image)
      await engine.containers.remove(container, options)
      await engine.networks.remove(network.id, options)
      await engine.volumes.remove(volume, options)
      expect([await ids('container'), await ids('network'), await ids('volume')]).toEqual([[], [], []])
      // Removing what is gone is no error: a sweep may have been quicker.
      await engine.networks.remove(network.id, options)
      await engine.volumes.remove(volume, options)
    })

    test('puts a container on a further network, and tells the addresses of each', async () => {
      const [first, second] = [newName(), newName()]
      const networks = await Promise.all(
        [first, second].map((name) => engine.networks.create({ name, labels, internal: true }, options)),
      )
      const [one, two] = networks.map(({ id }) => id) as [string, string]
      expect(await engine.networks.subnets(one, options)).toEqual([expect.stringMatching(/^[\d.]+\/\d+$/)])
      const id = await create(stays, { network: { kind: 'network', id: one, aliases: ['it'] } })
      await engine.networks.connect(two, id, { ...options, aliases: ['it'] })
      await engine.containers.start(id, options)
      expect((await engine.containers.inspect(id, options)).addresses).toHaveLength(2)
      expect(await failure(engine.networks.subnets(newName(), options))).toBe('not-found')
    })

    test('says what is not there, and what is taken', async () => {
      const name = newName()
      expect(await failure(engine.containers.inspect(name, options))).toBe('not-found')
      expect(await failure(engine.containers.start(name, options))).toBe('not-found')
      await engine.images.remove(`${name}:none`, options)
      expect(await failure(engine.images.pull(`127.0.0.1:9/${name}:none`, options))).toBe('no-image')
      const reference = `127.0.0.1:9/${name}:none`
      expect(await failure(engine.images.push(image, { ...options, reference }))).toBe('no-registry')
      expect(await engine.images.inspect(reference, options)).toBeNull()
      expect(await failure(engine.images.push(`sha256:${'0'.repeat(64)}`, { ...options, reference }))).toBe('not-found')
      expect(await engine.images.inspect(`${name}:none`, options)).toBeNull()
      await create(talks, { name })
      expect(await failure(create(talks, { name }))).toBe('conflict')
      expect(await failure(create(talks, { image: `sha256:${'0'.repeat(64)}` }))).toBe('not-found')
    })

    test('removes a container that runs, and takes one that is gone for removed', async () => {
      const id = await started(deaf)
      await engine.containers.remove(id, options)
      expect(await failure(engine.containers.inspect(id, options))).toBe('not-found')
      await engine.containers.remove(id, options)
    })

    test('knows an image by the id of what it is', async () => {
      const facts = await engine.images.inspect(image, options)
      expect(facts).toMatchObject({ id: image, platform: expect.stringMatching(/^linux\//) })
      expect(facts?.id).toMatch(/^sha256:[0-9a-f]{64}$/)
      expect(facts?.sizeBytes).toBeGreaterThan(0)
    })

    test('rejects with the signal’s own reason', async () => {
      const reason = new Error('enough')
      const aborted = { signal: AbortSignal.abort(reason) }
      const id = await living()
      const calls = [
        engine.facts(aborted),
        engine.containers.inspect(id, aborted),
        engine.containers.stop(id, { ...aborted, graceMs: 1000 }),
        engine.containers.exec(id, { command: talks, maxBytes: 10 }, aborted),
        engine.list('container', labels, aborted),
        engine.images.inspect(image, aborted),
        engine.networks.create({ name: newName(), labels, internal: false }, aborted),
      ]
      const results = await Promise.allSettled(calls)
      expect(results).toEqual(calls.map(() => ({ status: 'rejected', reason })))
      expect((await engine.containers.inspect(id, options)).status).toBe('running')
    })

    const logSays = (id: string, text: string) =>
      until(async () =>
        (await engine.containers.logs(id, { ...options, maxBytes: 1000 })).lines.some((line) => line.text === text),
      )
  })
}
