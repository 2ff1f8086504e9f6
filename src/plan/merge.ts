/** Merges what a stack asks with what an environment imposes into the configuration of one container. */

import type { Constraints } from '../model/constraint.ts'
import { amountOf } from '../model/constraint.ts'
import type { EffectiveConfig, Finding } from '../model/plan.ts'
import type { Environment, StackRow } from '../model/project.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Key by key: limits take the smaller, and memory follows the ask up to what is sold; `tmpfs`, `ulimits`, `sysctls`, `environment` and `extra_hosts` are united by
 * entry, the environment's entry first; lists are united; `cap_add` only as far as `allow.cap_add` grants; of scalars
 * the environment's. A refused ask becomes a finding.
 *
 * @param role a workload's port follows `contract.port`; the ports of what it needs stay where they are.
 */
export function mergeConfig(row: StackRow, environment: Environment, role: 'workload' | 'need'): EffectiveConfig {
  const findings: Finding[] = []
  const constraints = mergeConstraints(row, environment, findings)
  const ports = effectivePorts(row, environment, role)
  const portVariables = Object.entries(row.ports).flatMap(([name, port]) =>
    port.env === undefined ? [] : [[port.env, String(ports[name] ?? port.port)] as const],
  )
  return {
    constraints,
    volumes: row.service.volumes,
    ...(row.command === undefined ? {} : { command: row.command }),
    ...(row.entrypoint === undefined ? {} : { entrypoint: row.entrypoint }),
    ...(row.workingDir === undefined ? {} : { workingDir: row.workingDir }),
    ports,
    ...(Object.values(row.ports).some((port) => port.protocol === 'udp') ? { takesDatagrams: true } : {}),
    environment: { ...row.environment, ...constraints.environment, ...Object.fromEntries(portVariables) },
    findings,
  }
}

function effectivePorts(row: StackRow, environment: Environment, role: 'workload' | 'need'): Record<string, number> {
  const wanted = role === 'workload' ? environment.contract.port : undefined
  let moved = false
  const ports: Record<string, number> = {}
  for (const [name, port] of Object.entries(row.ports)) {
    const moves: boolean = wanted !== undefined && port.env !== undefined && !moved
    ports[name] = moves ? (wanted ?? port.port) : port.port
    moved ||= moves
  }
  return ports
}

function mergeConstraints(row: StackRow, environment: Environment, findings: Finding[]): Constraints {
  const ask = row.service.constraints
  const imposed = environment.constraints
  const merged: Mutable<Constraints> = { ...ask, ...imposed }

  for (const key of ['cpus', 'pids_limit', 'shm_size', 'memswap_limit'] as const) {
    const asked = ask[key]
    const limit = imposed[key]
    if (asked === undefined || limit === undefined) continue
    merged[key] = Math.min(asked, limit)
    if (limit < asked) findings.push(refused(key, asked, limit))
  }
  const memory = mergedMemory(ask.mem_limit, environment, findings)
  if (memory !== undefined) merged.mem_limit = memory

  for (const key of ['tmpfs', 'ulimits', 'sysctls', 'environment', 'extra_hosts'] as const) {
    const united = { ...ask[key], ...imposed[key] }
    if (Object.keys(united).length > 0) Object.assign(merged, { [key]: united })
  }
  for (const key of ['cap_drop', 'group_add', 'dns'] as const) {
    const united = [...new Set([...(imposed[key] ?? []), ...(ask[key] ?? [])])]
    if (united.length > 0) merged[key] = united
  }
  const security = [...(imposed.security_opt ?? [])]
  for (const option of ask.security_opt ?? []) {
    if (!security.some((present) => present.text === option.text)) security.push(option)
  }
  if (security.length > 0) merged.security_opt = security

  const granted = (ask.cap_add ?? []).filter((cap) => environment.allow.cap_add.includes(cap))
  for (const cap of ask.cap_add ?? []) {
    if (granted.includes(cap)) continue
    findings.push({
      code: 'ask-refused',
      message: `${row.id} asks for the capability ${cap}, which ${environment.id} does not allow`,
    })
  }
  const capabilities = [...new Set([...(imposed.cap_add ?? []), ...granted])]
  delete merged.cap_add
  if (capabilities.length > 0) merged.cap_add = capabilities
  return merged
}

function mergedMemory(asked: number | undefined, environment: Environment, findings: Finding[]): number | undefined {
  const fixed = environment.constraints.mem_limit
  if (fixed !== undefined) {
    if (asked !== undefined && fixed < asked) findings.push(refused('mem_limit', asked, fixed))
    return fixed
  }
  const { mem_max: sold, mem_default: usual } = environment.sells
  // Nobody gets more than is sold, who asks for nothing neither.
  if (asked === undefined) return usual ?? sold
  if (sold === undefined || asked <= sold) return asked
  findings.push(refused('mem_limit', asked, sold))
  return sold
}

const refused = (key: string, asked: number, given: number): Finding => ({
  code: 'ask-refused',
  message: `the stack asks for ${key} ${amountOf(key, asked)}; the environment gives ${amountOf(key, given)}`,
})
