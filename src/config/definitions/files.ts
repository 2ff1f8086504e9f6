/** The four files that a user writes. */
import { z } from 'zod'
import { didYouMean } from '../../lib/nearest.ts'
import { check, readiness } from './check.ts'
import { argv, duration, id, scalarText, size, variables } from './common.ts'
import { constraintShape, constraints, service } from './constraints.ts'

const needEntry = z.union([
  id.transform((name) => [{ alias: name, row: name }]),
  z.record(id, id).transform(needsOfMap),
])
function needsOfMap(map: Readonly<Record<string, string>>) {
  return Object.entries(map).map(([alias, row]) => ({ alias, row }))
}
const needs = z.union([
  z.array(needEntry).transform((entries) => entries.flat()),
  z.record(id, id).transform(needsOfMap),
])

const port = z.union([
  z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .transform((number) => ({ port: number, protocol: 'tcp' as const })),
  z.strictObject({
    port: z.number().int().min(1, 'a port is between 1 and 65535').max(65_535, 'a port is between 1 and 65535'),
    env: z
      .string()
      .regex(/^[A-Za-z_]\w*$/, 'the name of a variable')
      .optional(),
    protocol: z.enum(['tcp', 'udp']).default('tcp'),
  }),
])

const build = z.strictObject({
  context: z.string().default('.'),
  dockerfile: z.string().default('Dockerfile'),
  args: z.record(z.string(), scalarText).default({}),
  target: z.string().optional(),
})

/** `stacks/<id>/stack.yaml`, one row; its `variants` are laid over it before this is asked. */
export const stack = z.strictObject({
  title: z.string().optional(),
  build: build.optional(),
  image: z.string().min(1).optional(),
  command: argv.optional(),
  entrypoint: argv.optional(),
  working_dir: z.string().optional(),
  needs: needs.default([]),
  ports: z.record(z.string(), port).default({}),
  environment: variables.default({}),
  service: service.default({}),
  readiness: readiness.optional(),
  checks: z.array(check).default([]),
  exclusive: z.boolean().default(false),
})
export type ParsedStack = z.output<typeof stack>

/** What a URL's own parser makes of an address is what the proxy is told. */
const proxyAddress = z.string().superRefine((text, context) => {
  const refuse = (message: string) => context.addIssue({ code: 'custom', message, params: { code: 'proxy' } })
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 'http:' || url.hostname === '' || url.pathname !== '/' || url.search !== '') {
    return refuse('a proxy is written http://HOST:PORT')
  }
  if (url.username !== '' || url.password !== '') return refuse('a proxy is named without a password')
  if (/^(localhost|127\..*|\[::1\])$/.test(url.hostname)) {
    return refuse(`${url.hostname} is each container itself; name the proxy as containers reach it`)
  }
})

/** As in the name of an image; the first part is a host only with a dot or a port, or as `localhost`. */
const registryAddress = z
  .string()
  .regex(
    /^(?:localhost(?::\d{1,5})?|(?:[a-z\d-]+\.)+[a-z\d-]+(?::\d{1,5})?|[a-z\d-]+:\d{1,5}|\[[a-f\d:]+\](?::\d{1,5})?)(?:\/[a-z\d]+(?:(?:\.|_{1,2}|-+)[a-z\d]+)*)*$/,
    'a registry is written HOST[:PORT][/PATH], such as registry.example.com/team',
  )
const registry = z.union([
  registryAddress.transform((address) => ({ address, login: undefined, authority: undefined })),
  z.strictObject({
    address: registryAddress,
    login: z.strictObject({ username: z.string().min(1), password: z.strictObject({ secret: z.string() }) }).optional(),
    /** File of certificates (PEM) that sign the registry's own, from the folder of the project. */
    authority: z.string().min(1).optional(),
  }),
])
export type ParsedRegistry = z.output<typeof registry>

const network = z
  .strictObject({
    egress: z.enum(['open', 'none', 'proxy']).default('open'),
    proxy: proxyAddress.optional(),
    ipv6: z.enum(['on', 'no_address']).optional(),
    latency: duration.optional(),
    mtu: z.number().int().min(576).max(65_535).optional(),
  })
  .superRefine(({ egress, proxy, ipv6, mtu }, context) => {
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message, params: { code: 'contradiction' } })
    if (proxy !== undefined && egress !== 'proxy') {
      refuse('proxy', `a proxy is used with \`egress: proxy\`; here egress is ${egress}`)
    }
    // RFC 8200, section 5.
    if (ipv6 === 'on' && mtu !== undefined && mtu < 1280) refuse('mtu', 'IPv6 asks for an mtu of at least 1280')
  })

const contract = z.strictObject({
  ready_within: duration.optional(),
  stays_up: duration.optional(),
  stops_within: duration.optional(),
  port: z.number().int().min(1).max(65_535).optional(),
})

const release = z.enum(['bullseye', 'bookworm', 'trixie'])
const gibibyte = 1024 ** 3
const provision = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('nested'),
      engine: z.enum(['docker', 'podman']).default('docker'),
      release: release.optional(),
      image: z.string().min(1).optional(),
      rootless: z.boolean().default(false),
      runtime: z.enum(['runsc']).optional(),
    })
    .refine((spec) => (spec.release === undefined) !== (spec.image === undefined), {
      path: ['release'],
      error: 'a release of Debian (bullseye, bookworm or trixie), or an image such as docker:26-dind',
    })
    .refine((spec) => spec.image === undefined || spec.engine === 'docker', {
      path: ['image'],
      error: 'of an image only Docker is provisioned: engine: docker',
    })
    .refine((spec) => spec.runtime === undefined || (spec.engine === 'docker' && spec.release === 'trixie'), {
      path: ['runtime'],
      error: 'runsc comes with Docker of Debian trixie: engine: docker, release: trixie',
    })
    .refine((spec) => !spec.rootless || spec.image === undefined, {
      path: ['rootless'],
      error: 'an engine without root is provisioned of a release of Debian: release: trixie',
    })
    .refine((spec) => !spec.rootless || spec.runtime === undefined, {
      path: ['runtime'],
      error: 'runsc is provisioned with an engine of root: rootless: false',
    })
    .refine((spec) => spec.engine === 'docker' || spec.release !== 'bullseye', {
      path: ['release'],
      error: 'Podman is provisioned from bookworm or trixie',
    }),
  z.strictObject({
    kind: z.literal('swarm'),
    release: release.default('trixie'),
    nodes: z.number().int().min(1).max(9, 'a cluster of at most 9 nodes').default(3),
  }),
  z.strictObject({
    kind: z.literal('vm'),
    release: release.default('bookworm'),
    cpus: z.number().int().min(1).max(16).default(2),
    memory: size
      .refine((bytes) => bytes >= gibibyte / 2, 'a machine with Docker on it takes at least 512m')
      .default(3 * gibibyte),
    disk: size
      .refine((bytes) => bytes >= 3 * gibibyte, 'its system and images take at least 3g')
      .default(20 * gibibyte),
  }),
])
export type ParsedProvision = z.output<typeof provision>

const endpoint = z
  .string()
  .regex(
    /^(unix|tcp|ssh):\/\/.+|^context:.+|^\/.+/,
    'write unix://… or the path of a socket, tcp://…, ssh://… or context:NAME',
  )

const engine = z
  .strictObject({
    connect: endpoint.optional(),
    provision: provision.optional(),
    pool: z
      .array(endpoint)
      .min(1, 'name at least one engine')
      .refine((all) => new Set(all).size === all.length, 'the same engine stands in it twice')
      .optional(),
  })
  .superRefine((given, context) => {
    const named = Object.keys(given)
    if (named.length === 1) return
    const found = named.length === 0 ? 'there is none' : `there are ${named.join(' and ')}`
    const message = `an engine is one of connect, provision and pool; here ${found}`
    context.addIssue({ code: 'custom', message, params: { code: 'conflict' } })
  })

/** A key or an atom of what an environment can impose, such as `cap_drop:CHOWN`. */
const constraintNames = [
  ...Object.keys(constraintShape),
  ...['network', 'network.egress', 'network.proxy', 'network.ipv6', 'network.latency', 'network.mtu'],
]
const constraintName = z.string().superRefine((name, context) => {
  const key = name.replace(/:.*$/s, '')
  if (constraintNames.includes(key)) return
  const message = `there is no constraint "${key}".${didYouMean(key, constraintNames)}`
  context.addIssue({ code: 'custom', message, params: { code: 'unknown-constraint', allowed: constraintNames } })
})

/** `environments/<id>.yaml`, one column; its presets are laid under it before this is asked. */
export const environment = z.strictObject({
  title: z.string().optional(),
  description: z.string().default(''),
  engine: engine.optional(),
  /** Where its engine gets images, instead of the project's. */
  registry: registry.optional(),
  constraints: constraints.default({}),
  allow: z
    .strictObject({
      cap_add: z.array(z.string().transform((name) => name.toUpperCase().replace(/^CAP_/, ''))).default([]),
    })
    .default({ cap_add: [] }),
  required: z.array(constraintName).default([]),
  sells: z
    .strictObject({ mem_max: size.optional(), mem_default: size.optional() })
    .refine(
      ({ mem_max, mem_default }) => mem_default === undefined || mem_max === undefined || mem_default <= mem_max,
      {
        path: ['mem_default'],
        error: 'mem_default is more than mem_max, the most that is sold',
      },
    )
    .default({}),
  network: network.default({ egress: 'open' }),
  contract: contract.default({}),
  time_scale: z.number().positive('write a number above 0').default(1),
})
export type ParsedEnvironment = z.output<typeof environment>

/** `matrix.yaml`, the project's settings; all optional. */
export const project = z.strictObject({
  version: z.literal(1, 'this Matrix reads version 1').default(1),
  exclude: z
    .array(z.strictObject({ stack: id, environment: id, reason: z.string().min(1, 'a reason has to be written down') }))
    .default([]),
  secrets: z
    .record(z.string(), z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })]))
    .default({}),
  history: z
    .strictObject({
      /** How many run folders stay. */
      reports: z.number().int().min(1).max(1000).default(30),
      /** Of how many runs the lines stay in history.jsonl. */
      runs: z.number().int().min(1).max(10_000).default(400),
      /** After this long an answer counts as unknown again. */
      max_age: duration.optional(),
    })
    .default({ reports: 30, runs: 400 }),
  /** Who is told after `matrix nightly` where something changed. */
  notify: z
    .array(
      z.union([
        z.strictObject({ command: argv }),
        z.strictObject({
          webhook: z.union([
            z.string().regex(/^https?:\/\/\S+$/, 'an address: https://…'),
            z.strictObject({ secret: z.string() }),
          ]),
        }),
      ]),
    )
    .default([]),
  /** Where images are handed over to engines that reach it. */
  registry: registry.optional(),
  images: z
    .record(
      z.string(),
      z.strictObject({
        bootstrap: z.strictObject({
          distribution: z.literal('debian'),
          suite: z.string().regex(/^[a-z]+$/, 'a suite is a name such as bookworm'),
          include: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]*$/, 'the name of a package')).optional(),
        }),
      }),
    )
    .default({}),
})

const dayMs = 24 * 3600 * 1000
const longestWaiverDays = 90
const day = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d$/, 'a day is written 2026-12-31')
  .refine((text) => !Number.isNaN(Date.parse(text)), 'there is no such day')

/** `waivers.yaml`, accepted failures. */
export const waivers = z.strictObject({
  waivers: z
    .array(
      z
        .strictObject({
          match: z.strictObject({
            stack: id,
            environment: id,
            check: z.string().optional(),
            signature: z
              .string({
                error: ({ input }) =>
                  input === undefined ? 'matrix waive writes it, and the page of the cell shows it' : undefined,
              })
              .regex(/^s1:[0-9a-f]{12}$/, 'a signature is s1: and 12 hex digits, as a report shows it'),
          }),
          reason: z.string().min(1, 'a reason has to be written down'),
          owner: z.string().min(1, 'somebody has to own it'),
          issue: z
            .string()
            .regex(/^https?:\/\/\S+$/, 'an issue is a link: https://…')
            .optional(),
          created: day,
          expires: day,
        })
        .superRefine((waiver, context) => {
          const days = (Date.parse(waiver.expires) - Date.parse(waiver.created)) / dayMs
          if (days >= 0 && days <= longestWaiverDays) return
          const message =
            days < 0
              ? 'it ends before it was created'
              : `it lasts ${days} days; a waiver ends ${longestWaiverDays} days after it was created at the latest`
          context.addIssue({ code: 'custom', path: ['expires'], message })
        }),
    )
    .default([]),
})
export type ParsedWaivers = z.output<typeof waivers>
