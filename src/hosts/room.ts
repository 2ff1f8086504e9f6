/** Whether this machine has room for hosts, judged for all of them together before anything is started. */
import type { HostSpec } from '../model/project.ts'
import type { Disks } from './disks.ts'
import { type Env, hostName } from './host-place.ts'
import { madeHosts } from './host-record.ts'
import { machineFacts } from './machine-facts.ts'
import { lacks, type Room, roomTogether } from './offer.ts'
import type { HostProblem } from './problem.ts'

/** What hosts still take of this machine. */
export interface RoomFor {
  /** Those that are still to be made, and those that are down. */
  readonly hosts: readonly string[]
  readonly room: Room
  readonly problem: HostProblem | null
  /** What of it could not be judged; null where all was. */
  readonly unknown: string | null
}

/**
 * Whether this machine has the disk and the memory for all of these hosts together. One that was made before takes no more
 * disk, and one that runs no more memory either.
 *
 * @param images how many images each is going to hold
 * @param running names of those that run
 */
export function roomFor(
  specs: readonly HostSpec[],
  asked: {
    readonly env: Env
    readonly root: string
    readonly images: number
    readonly disks: Disks
    readonly running: ReadonlySet<string>
  },
): RoomFor {
  const { env, root, images, disks, running } = asked
  const made = madeHosts(env, root)
  const wanted = new Map(specs.map((spec) => [hostName(spec), spec]))
  const unmade = [...wanted].filter(([name]) => !made.has(name))
  const asleep = [...wanted].filter(([name]) => made.has(name) && !running.has(name))
  const hosts = [...unmade, ...asleep].map(([name]) => name)
  const specsOf = (some: typeof unmade) => some.map(([, spec]) => spec)
  const room = roomTogether(specsOf(unmade), images, specsOf(asleep))
  const short = lacks(room, { ...machineFacts(), disks })
  const isUnknown = room.engineDiskBytes > 0 && disks.engine === null
  const gibibytes = (room.engineDiskBytes / 1024 ** 3).toFixed(1)
  const unknown = isUnknown
    ? `how much disk is free where the engine keeps its data is not known; it takes about ${gibibytes} GiB to make ${hosts.join(', ')}`
    : null
  if (short.length === 0) return { hosts, room, problem: null, unknown }
  const together = hosts.length > 1 ? ' together' : ''
  const message = `${hosts.join(', ')} cannot be had${together} on this machine: ${short.map(({ what }) => what).join('; ')}`
  const mends = short.flatMap(({ mend }) => mend ?? [])
  const hint = `${mends.join('; ')}; or leave environments out.`
  return { hosts, room, problem: { kind: 'machine', message, hint }, unknown }
}
