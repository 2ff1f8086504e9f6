/** The images of the project's own stacks: the same when built again, with nothing of the host and nothing of the build in them. */
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import { buildStack } from '../../src/images/build.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { ImageSource } from '../../src/model/project.ts'
import { testEngine } from '../support/engine.ts'
import { imageFiles } from '../support/image-files.ts'
import { matrix } from '../support/matrix.ts'

const root = new URL('../..', import.meta.url).pathname
const images = [
  'analytics-db',
  'api-endpoint-py27',
  'api-endpoint-py3',
  'background-workers',
  'queue',
  'static-site',
  'user-db',
  'web-frontend',
]

/** Certificates that this host trusts beside the distribution's: a proxy's that inspects TLS, for one. */
function ownCertificates(): readonly string[] {
  const blocks = (text: string) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const authorities = '/usr/share/ca-certificates/mozilla'
  const shipped = new Set(
    readdirSync(authorities).flatMap((name) => blocks(readFileSync(`${authorities}/${name}`, 'utf8'))),
  )
  return blocks(readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8')).filter((one) => !shipped.has(one))
}

/** What a build brings with it and an image must not keep: tools, caches, lists, and secrets of a package manager. */
const ofTheBuild = [
  /^usr\/bin\/(gcc|g\+\+|cc|make|ld|javac|jlink|npm|pip3?|bundle)$/,
  /\.deb$/,
  /^var\/lib\/apt\/lists\/.*(Packages|Release)/,
  /^root\/\.(cache|npm|gem|m2|bundle)\/./,
  /(^|\/)(\.npmrc|\.pypirc|pip\.conf|settings\.xml|\.netrc)$/,
]

let engine: Engine
let builds: readonly { readonly rows: readonly string[]; readonly source: ImageSource }[]
beforeAll(async () => {
  engine = await testEngine()
  const { stdout } = await matrix(['list', '--json'], { cwd: root })
  builds = (JSON.parse(stdout) as { readonly builds: typeof builds }).builds
})
afterAll(async () => engine?.[Symbol.asyncDispose]())

const certificates = ownCertificates().flatMap((one) => one.split('\n')[1] ?? [])
/** What is compiled has its list of authorities from its makers, as Node's library has Mozilla's of its time. */
const isCompiled = (content: Buffer) => content.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))
const searched = new Set<string>()

async function build(row: string) {
  const source = builds.find((one) => one.rows.includes(row))?.source
  if (source?.kind !== 'build') throw new Error(`${row} is not built`)
  return buildStack(engine, {
    source,
    recipes: {},
    labels: { 'matrix.project': projectIdOf(root), 'matrix.role': 'image' },
    tag: `matrix-${projectIdOf(root)}/${row}:test`,
    mayBootstrap: false,
    signal: new AbortController().signal,
  })
}

describe.each(images)('the image of %s', (row) => {
  let id: string
  test('is the same when it is built again, out of the cache', async () => {
    const first = await build(row)
    const second = await build(row)
    expect(second.image.id).toBe(first.image.id)
    expect(second.image.layers).toEqual(first.image.layers)
    expect(second.cached).toBe(true)
    id = first.image.id
  })

  test('holds no certificate of this host, and no tool, cache or secret of its build', async () => {
    const holding: string[] = []
    let files = 0
    const inThis = new Set<string>()
    for await (const file of imageFiles(engine, id, { skip: (layer) => searched.has(layer) })) {
      files += 1
      inThis.add(file.layer)
      const name = file.name.replace(/^\.?\//, '')
      const foreign = !isCompiled(file.content) && certificates.some((line) => file.content.includes(line))
      if (
        file.layer !== 'config' &&
        (name.includes('host-ca') || foreign || ofTheBuild.some((one) => one.test(name)))
      ) {
        holding.push(`${file.layer}: ${name}`)
      }
      if (file.layer === 'config' && foreign) holding.push('config')
    }
    for (const layer of inThis) searched.add(layer)
    expect(files).toBeGreaterThan(1)
    expect(holding).toEqual([])
  })
})

test('there is no image beside these', () => {
  expect(builds.flatMap(({ rows }) => rows).sort()).toEqual(images)
})
