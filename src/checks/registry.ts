/** Which judge is asked about which kind of probe. */
import { unreachable } from '../lib/unreachable.ts'
import type { Json, Probe } from '../model/check.ts'
import type { Observation } from '../model/observation.ts'
import { execAssertions } from './exec.ts'
import { exitAssertions } from './exit.ts'
import { fileAssertions } from './file.ts'
import { healthAssertions } from './health.ts'
import { httpAssertions } from './http.ts'
import { inspectAssertions } from './inspect.ts'
import { logAssertions } from './log.ts'
import { redisAssertions } from './redis.ts'
import { sqlAssertions } from './sql.ts'
import { tcpAssertions } from './tcp.ts'
import { type Assertion, judgeAll, judgeNoReply, judgeUnobserved, type Verdict } from './verdict.ts'

/** Holds what was seen against what was expected. An assertion about something that was not seen never passes. */
export async function judge(probe: Probe, observation: Observation): Promise<Verdict> {
  const expected = probe.expect as unknown as Json
  if (observation.kind === 'unobserved') return judgeUnobserved(observation, expected)
  if (observation.kind !== probe.kind)
    throw new Error(`a ${probe.kind} check was given a ${observation.kind} observation`)
  const silent = 'noReply' in observation ? observation.noReply : null
  // Silence may be what is asked for, of `tcp` alone.
  if (silent !== null && probe.kind !== 'tcp') return judgeNoReply(silent, expected)
  return judgeAll(assertionsOf(probe, observation))
}

function assertionsOf(probe: Probe, seen: Observation): readonly Assertion[] {
  switch (probe.kind) {
    case 'http':
      return seen.kind === 'http' ? httpAssertions(probe, seen) : []
    case 'tcp':
      return seen.kind === 'tcp' ? tcpAssertions(probe, seen) : []
    case 'exec':
      return seen.kind === 'exec' ? execAssertions(probe, seen) : []
    case 'sql':
      return seen.kind === 'sql' ? sqlAssertions(probe, seen) : []
    case 'redis':
      return seen.kind === 'redis' ? redisAssertions(probe, seen) : []
    case 'log':
      return seen.kind === 'log' ? logAssertions(probe, seen) : []
    case 'exit':
      return seen.kind === 'exit' ? exitAssertions(probe, seen) : []
    case 'file':
      return seen.kind === 'file' ? fileAssertions(probe, seen) : []
    case 'inspect':
      return seen.kind === 'inspect' ? inspectAssertions(probe, seen) : []
    case 'health':
      return seen.kind === 'health' ? healthAssertions(probe, seen) : []
    default:
      return unreachable(probe)
  }
}
