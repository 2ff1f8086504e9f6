/** Holds declared mounts in memory against the kernel's table of mounts. */
import type { Json } from '../../model/check.ts'
import { asserted, type Comparison, seen } from './comparison.ts'
import type { KernelView, Mount } from './kernel-view.ts'

/** The last mount on a path is the one that is seen. */
export function mountAt(view: KernelView, path: string): Mount | undefined {
  return view.mounts.filter((mount) => mount.target === path).at(-1)
}

export function compareMountSize(value: Json, mount: Mount | undefined): Comparison {
  const bytes = mount === undefined ? null : parseBytes(optionOf(mount, 'size') ?? '')
  return seen(bytes, bytes === value)
}

/**
 * Every option that was asked for, as far as the kernel tells of it; of two that contradict one another the later counts.
 * An option of another kind leaves open whether the mount is what was declared.
 */
export function compareTmpfs(
  text: string,
  mount: Mount | undefined,
  context: { readonly mapsIds: boolean },
): Comparison {
  if (mount?.type !== 'tmpfs') return seen(mount?.type ?? null, false)
  const observed = `tmpfs ${[...new Set([...mount.options, ...mount.superOptions])].join(',')}`
  const asked = new Map(
    text.split(',').flatMap((option) => {
      const [name = '', value = ''] = option.trim().split(/=(.*)/s)
      return name === '' ? [] : [[name.replace(/^no(?=exec$|suid$|dev$)/, ''), { name, value }] as const]
    }),
  )
  const answers = [...asked.values()].map(({ name, value }) => holds(name, value, { mount, ...context }))
  if (answers.includes(false)) return seen(observed, false)
  return answers.includes(null) ? { ...asserted, observed } : seen(observed, true)
}

const pageBytes = 4096

/** Null where the kernel does not tell. Source: tmpfs(5), mount(8), and shmem_show_options in mm/shmem.c. */
function holds(
  name: string,
  value: string,
  { mount, mapsIds }: { readonly mount: Mount; readonly mapsIds: boolean },
): boolean | null {
  switch (name) {
    case 'size': {
      const asked = parseBytes(value)
      const given = parseBytes(optionOf(mount, 'size') ?? '')
      // In whole pages; a share of the memory is told in bytes.
      return asked === null ? null : given === Math.ceil(asked / pageBytes) * pageBytes
    }
    case 'nr_inodes':
      return parseBytes(optionOf(mount, 'nr_inodes') ?? '') === parseBytes(value)
    case 'mode':
      return Number.parseInt(optionOf(mount, 'mode') ?? '1777', 8) === Number.parseInt(value, 8)
    case 'uid':
    case 'gid':
      return mapsIds ? null : (optionOf(mount, name) ?? '0') === value
    case 'exec':
    case 'suid':
    case 'dev':
      return !mount.options.includes(`no${name}`)
    case 'noexec':
    case 'nosuid':
    case 'nodev':
    case 'ro':
    case 'rw':
    case 'noatime':
    case 'nodiratime':
      return mount.options.includes(name)
    default:
      return null
  }
}

function optionOf(mount: Mount, name: string): string | undefined {
  return mount.superOptions.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** The kernel's own spelling in mount options: binary k, m and g. */
function parseBytes(text: string): number | null {
  const [, digits, unit] = /^(\d+)([kmg]?)b?$/i.exec(text) ?? []
  if (digits === undefined || unit === undefined) return null
  return Number(digits) * ({ '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1)
}
