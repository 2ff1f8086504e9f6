import { describe, expect, test } from 'vitest'
import type { Json } from '../../../src/model/check.ts'
import { type AtomContext, compareAtom } from '../../../src/run/verify/compare.ts'
import { type KernelView, parseKernelView } from '../../../src/run/verify/kernel-view.ts'

/** As `/proc/PID/mountinfo` has it. */
const viewOf = (sections: string): KernelView => {
  const view = parseKernelView(`@@status\nUid:\t1000\t1000\t1000\t1000\n${sections}\n`)
  if (view === null) throw new Error('no view')
  return view
}
const compare = (atom: { key: string; value: Json }, view: KernelView, rest: Partial<AtomContext> = {}) =>
  compareAtom(atom, { view, declared: [atom], variables: null, profile: null, mapsIds: false, ...rest })

describe('a tmpfs', () => {
  const mounted = (options: string, superOptions: string) =>
    viewOf(`@@mounts\n941 930 0:81 / /scratch ${options} - tmpfs tmpfs ${superOptions}`)
  const usual = mounted('rw,nosuid,nodev,noexec,relatime', 'rw,size=8192k,mode=1770,uid=1000,gid=7')
  const open = mounted('rw,relatime', 'rw')
  const tell = (options: string, view: KernelView, rest: Partial<AtomContext> = {}) =>
    compare({ key: 'tmpfs:/scratch', value: options }, view, rest)

  test.each<readonly [string, KernelView, boolean | null]>([
    ['', usual, true],
    ['size=8m', usual, true],
    ['size=8388000', usual, true],
    ['size=4m', usual, false],
    ['size=50%', usual, null],
    ['size=4m,size=8m', usual, true],
    ['mode=1770', usual, true],
    ['mode=01770', usual, true],
    ['mode=0700', usual, false],
    ['mode=1777', open, true],
    ['mode=1770', open, false],
    ['uid=1000,gid=7', usual, true],
    ['uid=1001', usual, false],
    ['uid=0,gid=0', open, true],
    ['uid=1000', open, false],
    ['noexec,nosuid,nodev', usual, true],
    ['exec', usual, false],
    ['exec,suid,dev', open, true],
    ['noexec', open, false],
    ['ro', usual, false],
    ['rw', usual, true],
    ['notmpcopyup', usual, null],
    ['notmpcopyup,exec', usual, false],
  ])('of %j', (options, view, agrees) => {
    expect(tell(options, view)).toMatchObject({
      agrees,
      provenance: agrees === null ? 'asserted' : 'enforced',
      observed: expect.stringMatching(/^tmpfs rw,/),
    })
  })

  test('is not told by its owner where the engine maps ids', () => {
    expect(tell('uid=5', usual, { mapsIds: true }).agrees).toBeNull()
    expect(tell('uid=5,mode=0700', usual, { mapsIds: true }).agrees).toBe(false)
  })

  test('is none where nothing is mounted, or something else', () => {
    expect(tell('', viewOf('')).agrees).toBe(false)
    expect(tell('', viewOf('@@mounts\n1 2 0:1 / /scratch rw - ext4 /dev/sda rw'))).toMatchObject({ observed: 'ext4' })
  })
})

describe('a variable', () => {
  const inside = (entries: Readonly<Record<string, string>>) => {
    const text = Object.entries(entries)
      .map(([name, value]) => `${name}=${value}\0`)
      .join('')
    return viewOf(`@@environment\n${Buffer.from(text).toString('base64')}`)
  }
  const atom = { key: 'environment:TZ', value: 'Asia/Tokyo' }
  const enforced = { provenance: 'enforced', observed: 'Asia/Tokyo', agrees: true }

  test('that is seen inside is in force', () => {
    expect(compare(atom, inside({ TZ: 'Asia/Tokyo' }))).toEqual(enforced)
  })
  test('that the process left behind is what the engine says', () => {
    const variables = { TZ: 'Asia/Tokyo' }
    expect(compare(atom, inside({}), { variables })).toEqual({ provenance: 'asserted', observed: null, agrees: null })
    expect(compare(atom, inside({ TZ: 'UTC' }), { variables })).toMatchObject({ agrees: null })
  })
  test('that the engine dropped is not in force', () => {
    expect(compare(atom, inside({}), { variables: {} })).toMatchObject({ observed: 'not set', agrees: false })
  })
  test('that the engine gave another value is not in force, and the value is not told', () => {
    const told = compare(atom, inside({ TZ: 'hunter2' }), { variables: { TZ: 'hunter2' } })
    expect(told).toMatchObject({ observed: 'another value', agrees: false })
  })
})

describe('a seccomp profile', () => {
  const filtered = (mode: number) => viewOf(`Seccomp:\t${mode}`)
  const tell = (value: string, view: KernelView) => compare({ key: 'security_opt:seccomp', value }, view)

  test('of one’s own is only known to be some filter', () => {
    expect(tell('seccomp:./profile.json', filtered(2))).toEqual({
      provenance: 'asserted',
      observed: 'filter',
      agrees: null,
    })
    expect(tell('seccomp:./profile.json', filtered(0))).toMatchObject({ observed: 'none', agrees: false })
  })
  test('of one’s own is not in force where the engine lets through what it forbids', () => {
    const atom = { key: 'security_opt:seccomp', value: 'seccomp:./profile.json' }
    const told = (denied: boolean) => compare(atom, filtered(2), { profile: { call: 'mkdir', denied } })
    expect(told(false)).toEqual({ provenance: 'enforced', observed: 'a filter that allows mkdir', agrees: false })
    expect(told(true)).toEqual({ provenance: 'asserted', observed: 'filter', agrees: null })
  })
  test('that is none, or the engine’s own, is seen', () => {
    expect(tell('seccomp:unconfined', filtered(0))).toMatchObject({ provenance: 'enforced', agrees: true })
    expect(tell('seccomp=unconfined', filtered(2))).toMatchObject({ agrees: false })
    expect(tell('seccomp=builtin', filtered(2))).toMatchObject({ provenance: 'enforced', agrees: true })
  })
})

describe('an init', () => {
  test.each([
    ['docker-init', true],
    ['tini', true],
    ['catatonit', true],
    ['podman-init', true],
    ['perl', false],
  ])('that is %s', (command, agrees) => {
    expect(compare({ key: 'init', value: true }, { ...viewOf(''), command })).toEqual({
      ...{ agrees, observed: command, provenance: 'enforced' },
    })
  })
})
