/** Carries out one probe. A database's client is loaded where it is needed: most runs ask none. */
import { unreachable } from '../../lib/unreachable.ts'
import type { Probe } from '../../model/check.ts'
import type { Observation } from '../../model/observation.ts'
import type { ProbeContext } from './context.ts'
import { observeExec } from './exec.ts'
import { observeHttp } from './http.ts'
import { observeExit, observeFile, observeHealth, observeInspect, observeLog } from './record.ts'
import { observeTcp } from './tcp.ts'

/** Rejects only where the run itself is cancelled; whatever else goes wrong is in the observation. */
export async function observe(probe: Probe, context: ProbeContext): Promise<Observation> {
  switch (probe.kind) {
    case 'http':
      return observeHttp(probe, context)
    case 'tcp':
      return observeTcp(probe, context)
    case 'exec':
      return observeExec(probe, context)
    case 'sql':
      return (await import('./sql.ts')).observeSql(probe, context)
    case 'redis':
      return (await import('./redis.ts')).observeRedis(probe, context)
    case 'log':
      return observeLog(probe, context)
    case 'exit':
      return observeExit(probe, context)
    case 'file':
      return observeFile(probe, context)
    case 'inspect':
      return observeInspect(probe, context)
    case 'health':
      return observeHealth(context)
    default:
      return unreachable(probe)
  }
}
