/** The constraint keys of an environment and of a stack's `service:`, under compose-spec's names. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { didYouMean } from '../../lib/nearest.ts'
import type { SecurityOption } from '../../model/constraint.ts'
import { capabilityNames, signalNames, tmpfsFlags, tmpfsValues, ulimitNames } from '../../model/kernel-names.ts'
import { coded, duration, plainVariables, scalarText, size } from './common.ts'

const capability = z.string().transform((text, context) => {
  const name = text.toUpperCase().replace(/^CAP_/, '')
  if (name === 'ALL' || capabilityNames.includes(name)) return name
  const near = didYouMean(name, capabilityNames)
  const message = `there is no capability "${text}".${near || ' It is a name such as NET_BIND_SERVICE, or ALL.'}`
  context.issues.push(coded('value', message))
  return z.NEVER
})

const limitNames = Object.values(ulimitNames)
const limitName = z
  .string()
  .refine((name) => limitNames.includes(name), { error: `a limit is one of ${limitNames.join(', ')}` })

const absolutePath = z.string().regex(/^\//, 'a path inside a container begins with /')

/** What no kernel would take of a tmpfs's options; null where nothing is wrong with them. */
function tmpfsProblem(options: string): string | null {
  for (const option of options.split(',').filter((one) => one !== '')) {
    const at = option.indexOf('=')
    const name = at < 0 ? option : option.slice(0, at)
    const form = Object.hasOwn(tmpfsValues, name) ? tmpfsValues[name] : undefined
    if (form !== undefined && at >= 0 && form.pattern.test(option.slice(at + 1))) continue
    if (form !== undefined) return `"${option}" is no option of a tmpfs. Write it such as ${form.such}.`
    if (at < 0 && tmpfsFlags.includes(name)) continue
    const near = didYouMean(name, [...tmpfsFlags, ...Object.keys(tmpfsValues)])
    return `there is no option "${option}" of a tmpfs.${near || ' They are such as size=64m,mode=1777,exec.'}`
  }
  return null
}

const refuseOptions = (options: string, context: z.core.$RefinementCtx) => {
  const problem = tmpfsProblem(options)
  if (problem !== null) context.issues.push(coded('value', problem))
}
const tmpfsOptions = z.string().superRefine(refuseOptions)
const tmpfsEntry = absolutePath.superRefine((entry, context) => refuseOptions(entry.replace(/^[^:]*:?/, ''), context))

const tmpfs = z
  .union([
    tmpfsEntry.transform((entry) => [entry]),
    z.array(tmpfsEntry),
    z
      .record(absolutePath, tmpfsOptions)
      .transform((map) => Object.entries(map).map(([path, options]) => `${path}:${options}`)),
  ])
  .transform((list) =>
    Object.fromEntries(
      list.map((entry) => {
        const at = entry.indexOf(':')
        return at < 0 ? ([entry, ''] as const) : ([entry.slice(0, at), entry.slice(at + 1)] as const)
      }),
    ),
  )

/** A name or a number. */
const userOrGroup = z.union([z.string(), z.number()]).transform(String)

const ulimits = z.record(
  limitName,
  z.union([
    z
      .number()
      .int()
      .transform((limit) => ({ soft: limit, hard: limit })),
    z.strictObject({ soft: z.number().int(), hard: z.number().int() }),
  ]),
)

const extraHosts = z.union([
  z.record(z.string(), z.string()),
  z
    .array(z.string().regex(/^[^:=]+[:=].+$/, 'write NAME:ADDRESS'))
    .transform((list) =>
      Object.fromEntries(
        list.map((entry) => [entry.replace(/[:=].*$/s, ''), entry.replace(/^[^:=]+[:=]/, '')] as const),
      ),
    ),
])

const sysctls = z.union([
  z.record(z.string(), scalarText),
  z
    .array(z.string().regex(/^[^=]+=/, 'write NAME=VALUE'))
    .transform((list) =>
      Object.fromEntries(
        list.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)] as const),
      ),
    ),
])

const securityOption = z
  .string()
  .regex(
    /^(no-new-privileges|seccomp|apparmor|label|systempaths)([:=].+)?$/,
    'a security option is one of no-new-privileges:true, seccomp:FILE, apparmor:PROFILE, label:…',
  )
  .transform((text): SecurityOption => ({ text }))

/** As engines take it: with or without `SIG`, or its number. */
const signal = z.string().superRefine((text, context) => {
  const name = text.toUpperCase().replace(/^SIG/, '')
  const isRealtime = /^RTM(?:IN(?:\+\d{1,2})?|AX(?:-\d{1,2})?)$/.test(name)
  const isNumber = /^\d+$/.test(name) && Number(name) >= 1 && Number(name) <= 64
  if (signalNames.includes(name) || isRealtime || isNumber) return
  const near = didYouMean(
    `SIG${name}`,
    signalNames.map((one) => `SIG${one}`),
  )
  context.issues.push(coded('value', `there is no signal "${text}".${near || ' It is a name such as SIGTERM.'}`))
})

const address = z.string().refine((text) => isIP(text) !== 0, { error: 'write the address of a name server' })

export const constraintShape = {
  mem_limit: size.optional(),
  memswap_limit: size.optional(),
  cpus: z.coerce.number<number>().positive('write a number above 0').optional(),
  cpuset: z.string().optional(),
  pids_limit: z.number().int().positive('write a whole number above 0').optional(),
  shm_size: size.optional(),
  ulimits: ulimits.optional(),
  read_only: z.boolean().optional(),
  tmpfs: tmpfs.optional(),
  user: userOrGroup.optional(),
  group_add: z.array(userOrGroup).optional(),
  cap_add: z.array(capability).optional(),
  cap_drop: z.array(capability).optional(),
  security_opt: z.array(securityOption).optional(),
  sysctls: sysctls.optional(),
  dns: z.union([address.transform((entry) => [entry]), z.array(address)]).optional(),
  extra_hosts: extraHosts.optional(),
  hostname: z.string().optional(),
  network_mode: z.literal('none').optional(),
  init: z.boolean().optional(),
  ipc: z.string().optional(),
  userns_mode: z.string().optional(),
  runtime: z.string().optional(),
  platform: z.string().optional(),
  stop_signal: signal.optional(),
  stop_grace_period: duration.optional(),
  environment: plainVariables.optional(),
}

/** Of memory and swap together there is at least as much as of memory. */
function refuseLessSwap(
  {
    mem_limit,
    memswap_limit,
  }: { readonly mem_limit?: number | undefined; readonly memswap_limit?: number | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (mem_limit === undefined || memswap_limit === undefined || memswap_limit >= mem_limit) return
  const message = 'memswap_limit is of memory and swap together, so it is at least mem_limit'
  context.addIssue({ code: 'custom', path: ['memswap_limit'], message, params: { code: 'value' } })
}

export const constraints = z.strictObject(constraintShape).superRefine(refuseLessSwap)

/** `name:/path` or `/path`; what reaches the host is refused. */
const volume = z
  .string()
  .regex(
    /^(?:[a-z0-9][a-z0-9_.-]*:)?\/[^:]*$/,
    'a volume is "/path" or "name:/path"; a stack may not mount a path of the host',
  )
  .transform((text) => {
    const at = text.indexOf(':')
    return at < 0 ? { name: null, target: text } : { name: text.slice(0, at), target: text.slice(at + 1) }
  })

export const service = z
  .strictObject({ ...constraintShape, volumes: z.array(volume).optional() })
  .superRefine((value, context) => {
    refuseLessSwap(value, context)
    value.security_opt?.forEach((option, index) => {
      if (/unconfined/.test(option.text)) {
        context.addIssue({
          code: 'custom',
          path: ['security_opt', index],
          message: 'a stack may not ask to be unconfined',
          params: { code: 'reaches-host' },
        })
      }
    })
    for (const key of ['ipc', 'userns_mode'] as const) {
      if (value[key] === 'host') {
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `a stack may not ask for the host's ${key}`,
          params: { code: 'reaches-host' },
        })
      }
    }
  })
