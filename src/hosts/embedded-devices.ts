/** The network devices of an embedded engine, which stay when it ends: whose they are is told by the engine's own records. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { namesIn, readOr } from '../lib/files.ts'
import type { EmbeddedPaths } from './embedded-paths.ts'
import { programPath, rivalEngine } from './embedded-process.ts'

/** Of the network that this process is in, which /sys may not show. */
export const devicesFolder = '/proc/sys/net/ipv4/conf'

/** To be called when the engine has ended and its data are still there. It makes them again when it starts. */
export async function removeDevices(
  paths: EmbeddedPaths,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  // Another engine that came up since in the same network may have taken the device of that name for its own.
  if (rivalEngine(paths) !== null) return
  // Source: libnetwork's store of networks, the text of whose records is plain.
  const records = readOr(join(paths.dataRoot, 'network/files/local-kv.db'))
  for (const name of ownBridges(namesIn(devicesFolder), records)) {
    try {
      await promisify(execFile)('ip', ['link', 'delete', name], { env: { ...env, PATH: programPath(env) } })
    } catch {
      // The program is not everywhere that an engine is, and without its engine a bridge carries nothing.
    }
  }
}

/** `docker0` and `br-` with the first twelve digits of a network's id, as far as the records know of them. */
export function ownBridges(devices: readonly string[], records: string): readonly string[] {
  return devices.filter((name) => {
    const id = /^br-([0-9a-f]{12})$/.exec(name)?.[1]
    return id === undefined
      ? name === 'docker0' && records.includes('"docker0"')
      : new RegExp(`"id":"${id}[0-9a-f]{52}"`).test(records)
  })
}
