/** Adds waivers to the text of a `waivers.yaml`, and leaves everything else in it as it stands. */
import { isDeepStrictEqual } from 'node:util'
import { Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml'
import type { Waiver } from '../model/waiver.ts'
import { waivers as definition } from './definitions/files.ts'
import { parseLocated, plainOf } from './located.ts'

export type NewWaiver = Omit<Waiver, 'at' | 'issue'> & { readonly issue?: string }
export type AddResult = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string }

/**
 * One that is there for the same failure is renewed: its reason, owner and days are the new ones.
 *
 * @param text empty where there is no file yet
 */
export function addWaivers(text: string, added: readonly NewWaiver[]): AddResult {
  const document = text.trim() === '' ? new Document({ waivers: [] }) : parseDocument(text)
  const [broken] = document.errors
  if (broken) return { ok: false, problem: `waivers.yaml is no YAML: ${broken.message}` }
  if (document.get('waivers') == null) document.set('waivers', document.createNode([]))
  const list = document.get('waivers')
  if (!isSeq(list)) return { ok: false, problem: 'waivers.yaml holds no list under "waivers"' }
  list.flow = false
  for (const { match, ...rest } of added) {
    const before = list.items.find((item) => isMap(item) && isDeepStrictEqual(matchOf(item), escaped(match)))
    if (isMap(before)) {
      before.delete('issue')
      for (const [key, value] of Object.entries(escaped(rest))) before.set(key, value)
      continue
    }
    const node = document.createNode({ match: escaped(match), ...escaped(rest) })
    const inner = node.get('match')
    if (inner !== null && typeof inner === 'object') Object.assign(inner, { flow: true })
    list.add(node)
  }
  const written = document.toString({ lineWidth: 0 })
  const located = parseLocated('waivers.yaml', written, {}).root
  const result = definition.safeParse(located === null ? null : plainOf(located))
  if (result.success) return { ok: true, text: written }
  const [issue] = result.error.issues
  return { ok: false, problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}` }
}

function matchOf(waiver: YAMLMap): unknown {
  const match = waiver.get('match')
  return isMap(match) ? match.toJSON() : null
}

/** What Matrix would fill in when it reads the file. */
const escaped = <T extends object>(fields: T): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value.replaceAll('${', () => '$${')]] : [],
    ),
  )
