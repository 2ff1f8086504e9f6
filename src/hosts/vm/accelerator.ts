/** Which accelerator a machine runs with: decided by trying, and remembered in the machine's folder. */
import { rmSync, writeFileSync } from 'node:fs'
import { readOr } from '../../lib/files.ts'
import type { VmFiles } from './vm-files.ts'

export type Accelerator = 'kvm' | 'tcg'

/** What worked before, alone; else KVM where the machine has it, and emulation for the case that guests hang in it. */
export function acceleratorsToTry(known: Accelerator | null, hasKvm: boolean): readonly Accelerator[] {
  if (known !== null) return [known]
  return hasKvm ? ['kvm', 'tcg'] : ['tcg']
}

/** Null where none has worked yet. */
export function rememberedAccelerator(files: VmFiles): Accelerator | null {
  const known = readOr(files.accelerator, '').trim()
  return known === 'kvm' || known === 'tcg' ? known : null
}

/**
 * Tries one after the other until one works, and remembers it. Null then, else why the last one did not; what was
 * remembered is forgotten with that, so that all are tried by the next run.
 *
 * @param attempt null where it works, else why not; nothing of it may be left then
 */
export async function startWithOneOf(
  choices: readonly Accelerator[],
  options: {
    readonly files: VmFiles
    readonly attempt: (accelerator: Accelerator) => Promise<string | null>
    readonly onFallback: (accelerator: Accelerator, failure: string) => void
  },
): Promise<string | null> {
  const { files, attempt, onFallback } = options
  let failure = ''
  for (const accelerator of choices) {
    const said = await attempt(accelerator)
    if (said === null) {
      writeFileSync(files.accelerator, `${accelerator}\n`)
      return null
    }
    failure = said
    if (accelerator !== choices.at(-1)) onFallback(accelerator, failure)
  }
  rmSync(files.accelerator, { force: true })
  return failure
}
