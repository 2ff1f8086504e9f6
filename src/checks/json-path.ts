/** JSON paths as RFC 9535 defines them. */
import { query } from 'jsonpath-rfc9535'
import type { Json } from '../model/check.ts'

/** The one value that a path selects; a list where it selects several; undefined where it selects none. */
export function queryJson(document: Json, path: string): Json | undefined {
  const found = query(document as never, path) as readonly Json[]
  return found.length > 1 ? found : found[0]
}
