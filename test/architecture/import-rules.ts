/** Which folder of src/ may import which, and how a file is held against it. */
import { dirname, join } from 'node:path/posix'
import ts from 'typescript'

/** A file of src/, its path relative to src/ with forward slashes. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

const anywhere = ['model', 'lib']
const allowed: Readonly<Record<string, readonly string[]>> = {
  model: [],
  lib: [],
  config: [...anywhere],
  checks: [...anywhere],
  record: [...anywhere],
  reporters: [...anywhere],
  plan: [...anywhere, 'engines/engine.ts'],
  engines: [...anywhere, 'engines/engine.ts'],
  images: [...anywhere, 'engines/engine.ts'],
  hosts: [...anywhere, 'images', 'engines/engine.ts'],
  run: [...anywhere, 'plan', 'checks', 'images', 'engines/engine.ts'],
  explain: [...anywhere, 'run', 'plan', 'engines/engine.ts'],
  commands: [
    ...anywhere,
    'config',
    'plan',
    'checks',
    'engines',
    'images',
    'hosts',
    'run',
    'explain',
    'record',
    'reporters',
  ],
  cli: [...anywhere, 'commands'],
  'cli.ts': [...anywhere, 'cli', 'commands'],
}

/** Vendors' packages that stay inside one folder. */
const confined: Readonly<Record<string, string>> = {
  dockerode: 'engines/docker-api/',
  'docker-modem': 'engines/docker-api/',
  '@types/dockerode': 'engines/docker-api/',
  ssh2: 'engines/docker-api/',
  commander: 'cli',
}

/** Every import, type-only and dynamic ones included, as written. */
export function importsOf(text: string): readonly string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName)
}

/** One sentence for every import that the table forbids. */
export function forbiddenImports(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) =>
    importsOf(file.text).flatMap((specifier) => {
      const problem = specifier.startsWith('.')
        ? projectImport(file.path, specifier)
        : packageImport(file.path, specifier)
      return problem === null ? [] : [`src/${file.path} imports ${specifier}: ${problem}`]
    }),
  )
}

function projectImport(from: string, specifier: string): string | null {
  const target = join(dirname(from), specifier)
  // The one place of the version.
  if (from === 'commands/version.ts' && target === '../package.json') return null
  if (target.startsWith('..')) return 'it is outside src/'
  if (!target.endsWith('.ts') && !target.endsWith('.tsx')) return 'imports end in .ts'
  const rules = allowed[topOf(from)]
  if (rules === undefined) return `the table has no row for ${topOf(from)}`
  if (topOf(from) === 'engines') return withinEngines(from, target)
  if (topOf(target) === topOf(from)) return null
  return rules.some((rule) => target === rule || topOf(target) === rule) ? null : `${topOf(from)} may not`
}

/** A driver knows the port and itself, never another driver. */
function withinEngines(from: string, target: string): string | null {
  if (target === 'engines/engine.ts' || anywhere.includes(topOf(target))) return null
  const driver = from.split('/')[1] ?? ''
  return target.startsWith(`engines/${driver}/`) ? null : 'a driver may import the port and its own folder only'
}

function packageImport(from: string, specifier: string): string | null {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const home = confined[name]
  return home === undefined || from.startsWith(home) ? null : `${name} stays inside ${home}`
}

const topOf = (path: string): string => path.split('/')[0] ?? path

/** Every cycle once, as the paths along it. */
export function importCycles(files: readonly SourceFile[]): readonly (readonly string[])[] {
  const graph = new Map(
    files.map((file) => [
      file.path,
      importsOf(file.text).flatMap((specifier) =>
        specifier.startsWith('.') ? [join(dirname(file.path), specifier)] : [],
      ),
    ]),
  )
  const cycles: string[][] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      cycles.push([...trail.slice(start), path])
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return cycles
}

const globals = ['process', 'console', 'setTimeout', 'setInterval', 'setImmediate']
const mayTouchGlobals = (path: string): boolean =>
  path === 'cli.ts' || path.startsWith('lib/') || path.startsWith('reporters/terminal')

/** One sentence for every use of the process, the console, the wall clock or a bare timer outside the places that may. */
export function forbiddenGlobals(files: readonly SourceFile[]): readonly string[] {
  return files.filter((file) => !mayTouchGlobals(file.path)).flatMap(globalsUsed)
}

function globalsUsed(file: SourceFile): readonly string[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const name = forbiddenName(node)
    if (name !== null) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
      found.push(`src/${file.path}:${line + 1} uses ${name}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function forbiddenName(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node)) {
    const text = `${node.expression.getText()}.${node.name.text}`
    if (text === 'Date.now' || text === 'performance.now') return text
    return ts.isIdentifier(node.expression) && globals.includes(node.expression.text) ? node.expression.text : null
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    return globals.includes(node.expression.text) ? node.expression.text : null
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0) {
    return 'new Date()'
  }
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const specifier = node.moduleSpecifier.text
    return ['node:timers', 'node:timers/promises', 'node:process', 'node:console'].includes(specifier)
      ? specifier
      : null
  }
  return null
}
