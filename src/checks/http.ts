/** What an `http` check asserts of a reply. */
import type { HttpProbe, Json } from '../model/check.ts'
import type { HttpObservation } from '../model/observation.ts'
import { cutText } from './cut.ts'
import { queryJson } from './json-path.ts'
import type { Cut } from './matcher.ts'
import type { Assertion } from './verdict.ts'

export function httpAssertions(probe: HttpProbe, seen: HttpObservation): readonly Assertion[] {
  const { expect } = probe
  const cut = cutText(seen.cutBytes)
  const assertions: Assertion[] = []
  if (expect.status !== undefined) assertions.push({ name: 'status', matcher: expect.status, value: seen.status })
  for (const [name, matcher] of Object.entries(expect.headers ?? {})) {
    assertions.push({ name: `headers.${name}`, matcher, value: seen.headers[name.toLowerCase()] })
  }
  if (expect.body !== undefined) assertions.push({ name: 'body', matcher: expect.body, value: seen.body, cut })
  if (expect.duration !== undefined)
    assertions.push({ name: 'duration', matcher: expect.duration, value: seen.durationMs })
  if (expect.json !== undefined) assertions.push(...jsonAssertions(expect.json, { body: seen.body, cut }))
  return assertions
}

function jsonAssertions(
  paths: Required<HttpProbe['expect']>['json'],
  seen: { readonly body: string; readonly cut: Cut | undefined },
): readonly Assertion[] {
  let document: Json
  try {
    document = JSON.parse(seen.body) as Json
  } catch {
    const unknown = seen.cut && { unknown: `no document can be read of a part of it: ${seen.cut.what}` }
    return [{ name: 'json', matcher: { equals: 'a JSON document' }, value: seen.body, ...unknown }]
  }
  return Object.entries(paths).map(([path, matcher]) => ({ name: path, matcher, value: queryJson(document, path) }))
}
