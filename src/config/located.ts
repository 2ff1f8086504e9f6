/** YAML text as a tree of values that know where they were written. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
} from 'yaml'
import type { Diagnostic, SourceLocation } from '../model/diagnostic.ts'
import { interpolate, type Variables } from './interpolate.ts'

export type Located =
  | { readonly kind: 'scalar'; readonly at: SourceLocation; readonly value: unknown }
  | { readonly kind: 'list'; readonly at: SourceLocation; readonly items: readonly Located[] }
  | { readonly kind: 'map'; readonly at: SourceLocation; readonly entries: ReadonlyMap<string, LocatedEntry> }
export interface LocatedEntry {
  readonly keyAt: SourceLocation
  readonly value: Located
}

export interface ParsedFile {
  /** Null where the text is no YAML at all. */
  readonly root: Located | null
  readonly diagnostics: readonly Diagnostic[]
  readonly lines: readonly string[]
}

/** More values than this come out of no file that a person wrote, but out of aliases of aliases. */
const maxNodes = 100_000
const maxDepth = 100

/** Never throws: whatever is wrong with the text is among the diagnostics. */
export function parseLocated(file: string, text: string, variables: Variables): ParsedFile {
  const source = text.replace(/^\uFEFF/, '')
  const counter = new LineCounter()
  const document = parseDocument(source, {
    lineCounter: counter,
    uniqueKeys: true,
    merge: true,
    prettyErrors: false,
    strict: true,
    version: '1.2',
  })
  const reader = new Reader({ file, source, counter, document, variables })
  // What is found missing at the end is shown behind what stands last.
  const end = source.trimEnd().length
  for (const error of [...document.errors, ...document.warnings]) {
    const duplicate = error.code === 'DUPLICATE_KEY'
    reader.report(
      duplicate ? 'duplicate-key' : 'yaml',
      error.message,
      reader.at(Math.min(error.pos[0], end), Math.max(1, error.pos[1] - error.pos[0])),
    )
  }
  const whole = document.errors.some((error) => error.code !== 'DUPLICATE_KEY')
    ? null
    : reader.read(document.contents as Node | null, 0)
  const root = reader.overflown ? null : whole
  return { root, diagnostics: reader.diagnostics, lines: source.split(/\r?\n/) }
}

const isMergeKey = (key: unknown): boolean => typeof key === 'symbol'

interface ReaderInput {
  readonly file: string
  readonly source: string
  readonly counter: LineCounter
  readonly document: Document
  readonly variables: Variables
}

class Reader {
  readonly diagnostics: Diagnostic[] = []
  readonly #input: ReaderInput
  #nodes = 0
  /** The file was too large to be read to its end. */
  overflown = false

  constructor(input: ReaderInput) {
    this.#input = input
  }

  report(code: string, message: string, at: SourceLocation, hint?: string): void {
    this.diagnostics.push({ severity: 'error', code, message, at, ...(hint === undefined ? {} : { hint }) })
  }

  at(offset: number, length: number): SourceLocation {
    const { line, col } = this.#input.counter.linePos(Math.min(offset, this.#input.source.length))
    return { file: this.#input.file, line: Math.max(1, line), column: Math.max(1, col), length: Math.max(1, length) }
  }

  #locate(node: Node | null): SourceLocation {
    const [start, end] = node?.range ?? [0, 0]
    const firstLine = this.#input.source.slice(start, end).split(/\r?\n/, 1)[0] ?? ''
    return this.at(start, firstLine.trimEnd().length)
  }

  read(node: Node | null, depth: number): Located {
    const at = this.#locate(node)
    this.#nodes += 1
    if (this.#nodes > maxNodes || depth > maxDepth) {
      if (!this.overflown)
        this.report('too-large', 'the file unfolds into too many values; are aliases nested in one another?', at)
      this.overflown = true
      return { kind: 'scalar', at, value: null }
    }
    if (isAlias(node)) {
      const target = node.resolve(this.#input.document)
      if (target === undefined) {
        this.report('alias', `there is no anchor "${node.source}"`, at)
        return { kind: 'scalar', at, value: null }
      }
      return this.read(target as Node, depth + 1)
    }
    if (isSeq(node))
      return { kind: 'list', at, items: node.items.map((item) => this.read(item as Node | null, depth + 1)) }
    if (isMap(node)) return { kind: 'map', at, entries: this.#readEntries(node.items, depth) }
    return { kind: 'scalar', at, value: this.#scalar(node as Scalar | null, at) }
  }

  #readEntries(
    items: readonly { readonly key: unknown; readonly value: unknown }[],
    depth: number,
  ): Map<string, LocatedEntry> {
    const own = new Map<string, LocatedEntry>()
    const merged = new Map<string, LocatedEntry>()
    for (const { key, value } of items) {
      const keyNode = key as Node | null
      const keyAt = this.#locate(keyNode)
      // The library gives a merge key a symbol of its own.
      const name = isScalar(keyNode) ? (isMergeKey(keyNode.value) ? '<<' : String(keyNode.value)) : null
      if (name === null) {
        this.report('key', 'a key has to be a plain text', keyAt)
      } else if (name === '<<') {
        const sources = this.read(value as Node | null, depth + 1)
        for (const source of sources.kind === 'list' ? sources.items : [sources]) {
          if (source.kind !== 'map') this.report('merge', '<< takes a map, or a list of maps', keyAt)
          else for (const [inner, entry] of source.entries) if (!merged.has(inner)) merged.set(inner, entry)
        }
      } else if (!own.has(name)) {
        own.set(name, { keyAt, value: this.read(value as Node | null, depth + 1) })
      }
    }
    for (const [name, entry] of merged) if (!own.has(name)) own.set(name, entry)
    return own
  }

  #scalar(node: Scalar | null, at: SourceLocation): unknown {
    const value = node?.value ?? null
    if (typeof value === 'bigint') return Number(value)
    if (typeof value !== 'string') return value
    const result = interpolate(value, this.#input.variables)
    for (const problem of result.problems) this.report('variable', problem, at)
    return result.text
  }
}

/** Maps merge key by key, everything else replaces. */
export function mergeLocated(base: Located, over: Located): Located {
  if (base.kind !== 'map' || over.kind !== 'map') return over
  const entries = new Map(base.entries)
  for (const [name, entry] of over.entries) {
    const before = entries.get(name)
    entries.set(name, {
      keyAt: entry.keyAt,
      value: before === undefined ? entry.value : mergeLocated(before.value, entry.value),
    })
  }
  return { kind: 'map', at: over.at, entries }
}

/** Without some keys of a map. */
export function without(node: Located, names: readonly string[]): Located {
  if (node.kind !== 'map') return node
  return { ...node, entries: new Map([...node.entries].filter(([name]) => !names.includes(name))) }
}

/** Without the keys at these paths, wherever they are. */
export function withoutPaths(node: Located, paths: readonly (readonly PropertyKey[])[]): Located {
  if (paths.length === 0) return node
  const here = new Set(paths.filter((path) => path.length === 1).map((path) => String(path[0])))
  const below = (name: string) =>
    paths.filter((path) => path.length > 1 && String(path[0]) === name).map((path) => path.slice(1))
  switch (node.kind) {
    case 'scalar':
      return node
    case 'list':
      return { ...node, items: node.items.map((item, index) => withoutPaths(item, below(String(index)))) }
    case 'map': {
      const kept = [...node.entries].filter(([name]) => !here.has(name))
      const entries = kept.map(
        ([name, entry]) => [name, { ...entry, value: withoutPaths(entry.value, below(name)) }] as const,
      )
      return { ...node, entries: new Map(entries) }
    }
  }
}

export function plainOf(node: Located): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(plainOf)
    case 'map':
      // Through entries, so that a key such as `__proto__` stays a key.
      return Object.fromEntries([...node.entries].map(([name, entry]) => [name, plainOf(entry.value)]))
  }
}

/** Where the value (or, for `key`, its name) at a path was written; of what is not there, where it would belong. */
export function locate(node: Located, path: readonly PropertyKey[], what: 'key' | 'value' = 'value'): SourceLocation {
  let current = node
  let at = node.at
  for (const [index, part] of path.entries()) {
    const last = index === path.length - 1
    if (current.kind === 'map') {
      const entry = current.entries.get(String(part))
      if (entry === undefined) return at
      at = last && what === 'value' ? entry.value.at : entry.keyAt
      current = entry.value
    } else if (current.kind === 'list') {
      const item = current.items[Number(part)]
      if (item === undefined) return at
      at = item.at
      current = item
    } else return at
  }
  return at
}
