/** Keeps evidence by its content, within limits, and says how much was cut. */
import { createHash } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { namesIn } from '../lib/files.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { EvidenceRef } from '../model/run-record.ts'

export const evidenceLimits = { blobBytes: 1024 * 1024, blobsPerCell: 8, blobsPerRun: 512 } as const

/** Of a text that is too long, the beginning says what it is and the end says how it ended. */
const headBytes = 128 * 1024

export class EvidenceStore implements EvidenceSink {
  readonly #folder: string
  /** Of a try of a cell. */
  readonly #perCell = new Map<string, number>()
  readonly #stored = new Set<string>()
  #count = 0

  /** @param folder an existing folder */
  constructor(folder: string) {
    this.#folder = folder
  }

  async put(blob: Parameters<EvidenceSink['put']>[0]): Promise<EvidenceRef> {
    const { name, mediaType } = blob
    const cell = blob.cell === undefined ? undefined : `${blob.cell} ${blob.attempt ?? 0}`
    const share = blob.routine === true ? 0.5 : 1
    const whole = typeof blob.content === 'string' ? Buffer.from(blob.content) : Buffer.from(blob.content)
    const full =
      this.#count >= evidenceLimits.blobsPerRun * share || this.#countOf(cell) >= evidenceLimits.blobsPerCell * share
    if (full) return { name, mediaType, hash: hashOf(whole), sizeBytes: 0, cutBytes: whole.length }
    this.#count += 1
    if (cell !== undefined) this.#perCell.set(cell, this.#countOf(cell) + 1)
    const { kept, cutBytes } = cut(whole, mediaType)
    const hash = hashOf(kept)
    if (!this.#stored.has(hash)) {
      this.#stored.add(hash)
      await writeFile(join(this.#folder, hash.slice('sha256:'.length)), kept)
    }
    return { name, mediaType, hash, sizeBytes: kept.length, cutBytes }
  }

  #countOf(cell: string | undefined): number {
    return cell === undefined ? 0 : (this.#perCell.get(cell) ?? 0)
  }
}

/** A stored blob; null where it was not kept or is gone. */
export function readEvidence(folder: string, ref: EvidenceRef): Buffer | null {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(ref.hash)?.[1]
  if (hex === undefined || ref.sizeBytes === 0) return null
  try {
    return readFileSync(join(folder, hex))
  } catch {
    return null
  }
}

/**
 * Takes over what another run kept. Gives the names of what was left out, since it is not what its name says.
 *
 * @param from a folder that may come from anywhere; where there is none, nothing was kept
 */
export async function copyEvidence(from: string, to: string): Promise<readonly string[]> {
  const strange: string[] = []
  for (const name of namesIn(from)) {
    const path = join(from, name)
    const blob = /^[0-9a-f]{64}$/.test(name) && isBlob(path) ? readFileSync(path) : null
    if (blob === null || hashOf(blob) !== `sha256:${name}`) strange.push(name)
    else await writeFile(join(to, name), blob)
  }
  return strange
}

/** Not a link, which may lead anywhere. */
function isBlob(path: string): boolean {
  const state = lstatSync(path)
  return state.isFile() && state.size <= evidenceLimits.blobBytes
}

function cut(whole: Buffer, mediaType: string): { readonly kept: Buffer; readonly cutBytes: number } {
  const { blobBytes } = evidenceLimits
  if (whole.length <= blobBytes) return { kept: whole, cutBytes: 0 }
  if (!mediaType.startsWith('text/')) {
    return { kept: whole.subarray(0, blobBytes), cutBytes: whole.length - blobBytes }
  }
  const markBytes = 64
  const tailBytes = blobBytes - headBytes - markBytes
  const cutBytes = whole.length - headBytes - tailBytes
  const mark = Buffer.from(`\n[${cutBytes} bytes cut]\n`)
  return { kept: Buffer.concat([whole.subarray(0, headBytes), mark, whole.subarray(-tailBytes)]), cutBytes }
}

const hashOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`
