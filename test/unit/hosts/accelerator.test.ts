/** Which accelerators a virtual machine is tried with, and what is remembered of it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Accelerator,
  acceleratorsToTry,
  rememberedAccelerator,
  startWithOneOf,
} from '../../../src/hosts/vm/accelerator.ts'
import { type VmFiles, vmFiles } from '../../../src/hosts/vm/vm-files.ts'
import { mismeasuredKilohertz } from '../../../src/hosts/vm/vm-process.ts'

test.each([
  [null, true, ['kvm', 'tcg']],
  [null, false, ['tcg']],
  ['kvm', true, ['kvm']],
  ['kvm', false, ['kvm']],
  ['tcg', true, ['tcg']],
] as const)('where %s worked before and KVM is offered: %s, it is tried with %j', (known, hasKvm, choices) => {
  expect(acceleratorsToTry(known, hasKvm)).toEqual(choices)
})

describe('what worked', () => {
  let folder: string
  let files: VmFiles
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'matrix-vm-'))
    files = vmFiles(folder)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** @param failures why one does not work; the others do */
  const started = async (choices: readonly Accelerator[], failures: Partial<Record<Accelerator, string>>) => {
    const seen: string[] = []
    const result = await startWithOneOf(choices, {
      files,
      onFallback: (accelerator, failure) => seen.push(`${accelerator} does not work: ${failure}`),
      async attempt(accelerator) {
        seen.push(accelerator)
        return failures[accelerator] ?? null
      },
    })
    return { result, seen, remembered: rememberedAccelerator(files) }
  }

  test('first is remembered, and no other is tried', async () => {
    expect(await started(['kvm', 'tcg'], {})).toEqual({ result: null, seen: ['kvm'], remembered: 'kvm' })
    expect(readFileSync(files.accelerator, 'utf8')).toBe('kvm\n')
  })

  test('after another did not is remembered', async () => {
    const seen = ['kvm', 'kvm does not work: silent', 'tcg']
    expect(await started(['kvm', 'tcg'], { kvm: 'silent' })).toEqual({ result: null, seen, remembered: 'tcg' })
  })

  test('once and does not now is forgotten', async () => {
    writeFileSync(files.accelerator, 'kvm\n')
    expect(await started(['kvm'], { kvm: 'silent' })).toEqual({ result: 'silent', seen: ['kvm'], remembered: null })
  })

  test('is not known from a file that holds something else', () => {
    writeFileSync(files.accelerator, 'xen\n')
    expect(rememberedAccelerator(files)).toBeNull()
  })
})

test.each([
  ['PIT calibration deviates from HPET: 59711 2443024', 2_443_024],
  ['PIT calibration deviates from PMTIMER: 1 2445000', 2_445_000],
  ['PIT calibration matches HPET. 1 loops', null],
  ['using HPET reference calibration', null],
])('a kernel that says "%s" has a clock that should go at %s kHz', (line, kilohertz) => {
  const lines = ['[    0.000000] tsc: Fast TSC calibration failed', `[    0.052000] tsc: ${line}`, '[    1.1] more']
  expect(mismeasuredKilohertz(lines.join('\r\n'))).toBe(kilohertz)
})
