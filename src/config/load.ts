/** From a project's files to what they declare: each file by its schema, then all of them against each other. */
import { join, relative, resolve } from 'node:path'
import type { z } from 'zod'
import { projectIdOf } from '../lib/project-id.ts'
import type { Constraints, SecurityOption } from '../model/constraint.ts'
import type { Diagnostic } from '../model/diagnostic.ts'
import type { Environment, NotifyTarget, Project, Row } from '../model/project.ts'
import { allowedKeys } from './allowed-keys.ts'
import { aimless, crossCheck } from './cross-check.ts'
import { environment, project, stack, waivers } from './definitions/files.ts'
import type { Variables } from './interpolate.ts'
import { diagnosticsOf, extensionPaths } from './issues.ts'
import { jsonSchemas, type SchemaName } from './json-schema.ts'
import { loadRegistry } from './load-registry.ts'
import { type Located, locate, mergeLocated, parseLocated, plainOf, without, withoutPaths } from './located.ts'
import { presets } from './presets.ts'
import { beginningOf, idPattern, ProjectFiles } from './project-files.ts'
import { type Parsed, salvage } from './salvage.ts'
import { environmentOf, rowOf, waiversOf } from './to-model.ts'

export type LoadResult =
  | { readonly ok: true; readonly project: Project; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/** Every mistake in every file at once; rejects for nothing that a user can do. */
export async function loadProject(root: string, options: { readonly env: Variables }): Promise<LoadResult> {
  const loader = new Loader(resolve(root), options.env)
  return loader.load()
}

class Loader {
  readonly #root: string
  readonly #files: ProjectFiles
  readonly #nodes = new Map<string, Located>()
  readonly #brokenStacks = new Set<string>()
  readonly #brokenEnvironments = new Set<string>()
  /** Row, or a file's name → names of which something could not be read. */
  readonly #holes = new Map<string, ReadonlySet<string>>()
  readonly #schemas = jsonSchemas()

  constructor(root: string, variables: Variables) {
    this.#root = root
    this.#files = new ProjectFiles(root, variables)
  }

  async load(): Promise<LoadResult> {
    const settings = await this.#loadSettings()
    const rows = await this.#loadStacks()
    const environments = await this.#loadEnvironments(settings.secrets)
    const accepted = await this.#loadFile('waivers.yaml', { schema: waivers, name: 'waivers', optional: true })
    const waived = accepted === null ? [] : waiversOf(accepted.value, accepted.node)
    if (this.#files.diagnostics.length === 0) {
      if (rows.length === 0) await this.#files.reportEmpty('stacks', 'stack')
      else if (environments.length === 0) await this.#files.reportEmpty('environments', 'environment')
    }
    this.#files.diagnostics.push(
      ...crossCheck({
        rows,
        environments,
        exclusions: settings.exclusions,
        secrets: settings.secrets,
        secretsAreKnown: this.#known(settings.secrets) !== null,
        brokenStacks: this.#brokenStacks,
        brokenEnvironments: this.#brokenEnvironments,
        holes: this.#holes,
        locate: (row, path) => {
          const node = this.#nodes.get(row.id)
          return node === undefined ? row.at : locate(node, path)
        },
      }),
    )
    if (this.#files.diagnostics.length > 0) return { ok: false, diagnostics: this.#files.diagnosticsWithLines() }
    const exclusions = settings.exclusions.map(({ at: _, ...exclusion }) => exclusion)
    return {
      ok: true,
      warnings: waived.flatMap((waiver) => aimless(waiver, { rows, environments }) ?? []),
      project: {
        root: this.#root,
        id: projectIdOf(this.#root),
        rows,
        environments,
        exclusions,
        secrets: settings.secrets,
        registry: settings.registry,
        bases: settings.bases,
        waivers: waived,
        history: settings.history,
        notify: settings.notify,
      },
    }
  }

  /** Null where something of what declares them could not be read. */
  #known(secrets: Project['secrets']): Project['secrets'] | null {
    return this.#holes.get('matrix.yaml')?.has('secrets') ? null : secrets
  }

  async #loadSettings() {
    const found = await this.#loadFile('matrix.yaml', { schema: project, name: 'matrix', optional: true })
    const exclusions = (found?.value.exclude ?? []).map((entry, index) => ({
      ...entry,
      at: found === null ? beginningOf('matrix.yaml') : locate(found.node, ['exclude', index]),
    }))
    const bases = Object.fromEntries(
      Object.entries(found?.value.images ?? {}).map(([reference, { bootstrap }]) => [
        reference,
        {
          bootstrap: {
            distribution: bootstrap.distribution,
            suite: bootstrap.suite,
            ...(bootstrap.include === undefined ? {} : { include: bootstrap.include }),
          },
        },
      ]),
    )
    const { reports, runs, max_age } = found?.value.history ?? project.parse({}).history
    const history = { reports, runs, maxAgeMs: max_age ?? null }
    const secrets = found?.value.secrets ?? {}
    const notify = (found?.value.notify ?? []).map((target, index): NotifyTarget => {
      if ('command' in target) return { kind: 'command', command: target.command }
      const { webhook } = target
      const known = typeof webhook === 'string' || Object.hasOwn(secrets, webhook.secret)
      if (found !== null && !known && !found.holes.has('secrets')) {
        const at = locate(found.node, ['notify', index, 'webhook', 'secret'])
        this.#files.report('unknown-secret', `there is no secret "${webhook.secret}"`, at)
      }
      return { kind: 'webhook', url: webhook }
    })
    const registry = await loadRegistry(found, { files: this.#files, root: this.#root, secrets: this.#known(secrets) })
    return { exclusions, secrets, registry: registry ?? null, bases, history, notify }
  }

  async #loadStacks(): Promise<readonly Row[]> {
    const rows: Row[] = []
    for (const id of await this.#files.folders('stacks')) {
      const file = `stacks/${id}/stack.yaml`
      const parsed = await this.#files.read(file, false)
      if (parsed === null) {
        this.#brokenStacks.add(id)
        continue
      }
      const variants = parsed.kind === 'map' ? parsed.entries.get('variants') : undefined
      const base = without(parsed, ['variants'])
      if (variants === undefined) {
        rows.push(...(await this.#stackRow(base, { id, base: id, file })))
      } else if (variants.value.kind !== 'map' || variants.value.entries.size === 0) {
        this.#files.report('type', 'variants is a map of at least one name', variants.value.at)
      } else {
        for (const [name, entry] of variants.value.entries) {
          if (!idPattern.test(name)) this.#files.report('id', `"${name}" cannot be a part of an id`, entry.keyAt)
          const over =
            entry.value.kind === 'scalar' && entry.value.value === null ? base : mergeLocated(base, entry.value)
          rows.push(...(await this.#stackRow(over, { id: `${id}-${name}`, base: id, file })))
        }
      }
    }
    return rows
  }

  async #stackRow(
    node: Located,
    context: { readonly id: string; readonly base: string; readonly file: string },
  ): Promise<readonly Row[]> {
    const found = this.#parse(node, stack, 'stack')
    if (found === null) {
      this.#brokenStacks.add(context.base)
      return []
    }
    this.#holes.set(context.id, found.holes)
    const parsed = found.value
    if (parsed.build !== undefined && parsed.image !== undefined) {
      this.#files.report('conflict', 'a stack has a build or an image, not both', locate(node, ['image'], 'key'))
    }
    const folder = join(this.#root, 'stacks', context.base)
    const directory = resolve(folder, parsed.build?.context ?? '.')
    if (parsed.build !== undefined) await this.#checkBuild(node, { directory, dockerfile: parsed.build.dockerfile })
    this.#nodes.set(context.id, found.node)
    const isOpen = parsed.build === undefined && (found.holes.has('build') || found.holes.has('image'))
    // Not a scenario: of its image only nothing is known.
    const told = isOpen ? { ...parsed, image: parsed.image ?? '' } : parsed
    return [rowOf(told, { id: context.id, base: context.base, node: found.node, directory })]
  }

  async #checkBuild(node: Located, build: { readonly directory: string; readonly dockerfile: string }): Promise<void> {
    const at = locate(node, ['build', 'context'])
    if (!(await this.#files.isInside(build.directory))) {
      this.#files.report(
        'outside',
        `the build context ${relative(this.#root, build.directory)} is not a folder inside the project`,
        at,
      )
      return
    }
    const dockerfile = resolve(build.directory, build.dockerfile)
    if (!(await this.#files.isInside(dockerfile))) {
      this.#files.report(
        'missing-file',
        `there is no ${relative(this.#root, dockerfile)} inside the project`,
        locate(node, ['build', 'dockerfile']),
      )
    }
  }

  async #loadEnvironments(secrets: Project['secrets']): Promise<readonly Environment[]> {
    const environments: Environment[] = []
    for (const name of await this.#files.entries('environments')) {
      if (!/\.ya?ml$/.test(name)) {
        if (/\.(?:ya?ml|ymal|yalm|yam)$/i.test(name)) {
          const file = `environments/${name}`
          this.#files.report('unreadable', `${file} is not read; it has to end in .yaml`, beginningOf(file))
        }
        continue
      }
      const id = name.replace(/\.ya?ml$/, '')
      const file = `environments/${name}`
      if (!idPattern.test(id))
        this.#files.report('id', `"${id}" is no id: small letters, digits and inner hyphens`, beginningOf(file))
      const own = await this.#files.read(file, false)
      const found = own === null ? null : this.#parse(this.#withPresets(own), environment, 'environment')
      if (found === null) {
        this.#brokenEnvironments.add(id)
        continue
      }
      const { node } = found
      const made = environmentOf(found.value, { id, node })
      const registry = await loadRegistry(found, {
        files: this.#files,
        root: this.#root,
        secrets: this.#known(secrets),
      })
      environments.push({
        ...made,
        ...(registry === undefined ? {} : { registry }),
        constraints: await this.#withProfiles(made.constraints, node),
      })
    }
    return environments
  }

  #withPresets(own: Located): Located {
    const wanted = own.kind === 'map' ? own.entries.get('extends')?.value : undefined
    const names = wanted === undefined ? [] : wanted.kind === 'list' ? wanted.items : [wanted]
    let under: Located | null = null
    for (const name of names) {
      const text = name.kind === 'scalar' ? presets[String(name.value)] : undefined
      if (text === undefined) {
        const allowed = Object.keys(presets)
        const said = name.kind === 'scalar' ? String(name.value) : 'this'
        this.#files.diagnostics.push({
          severity: 'error',
          code: 'unknown-preset',
          message: `there is no preset "${said}"`,
          at: name.at,
          allowed,
        })
        continue
      }
      const preset: Located | null = parseLocated(own.at.file, text, {}).root
      if (preset !== null) under = under === null ? preset : mergeLocated(under, preset)
    }
    const rest = without(own, ['extends'])
    return under === null ? rest : mergeLocated(under, rest)
  }

  /** `seccomp:./profile.json` with the file's content. */
  async #withProfiles(constraints: Constraints, node: Located): Promise<Constraints> {
    if (constraints.security_opt === undefined) return constraints
    const options: SecurityOption[] = []
    for (const [index, option] of constraints.security_opt.entries()) {
      const path = /^seccomp[:=](.+)$/.exec(option.text)?.[1]
      if (path === undefined || path === 'unconfined' || path === 'default') {
        options.push(option)
        continue
      }
      const at = locate(node, ['constraints', 'security_opt', index])
      const file = resolve(this.#root, 'environments', path)
      if (!(await this.#files.isInside(file))) {
        this.#files.report('missing-file', `there is no profile ${path} inside the project`, at)
        continue
      }
      const profile = await this.#files.textOf(file)
      try {
        JSON.parse(profile)
      } catch {
        this.#files.report('profile', `${path} is no JSON`, at)
      }
      options.push({ ...option, profile })
    }
    return { ...constraints, security_opt: options }
  }

  async #loadFile<T extends z.ZodType>(
    file: string,
    options: { readonly schema: T; readonly name: SchemaName; readonly optional: boolean },
  ): Promise<Parsed<z.output<T>> | null> {
    const node = await this.#files.read(file, options.optional)
    const found = node === null ? null : this.#parse(node, options.schema, options.name)
    const unread = node === null ? this.#files.diagnostics.some(({ at }) => at.file === file) : found === null
    this.#holes.set(file, unread ? new Set(allowedKeys(this.#schemas[options.name], [])) : (found?.holes ?? new Set()))
    return found
  }

  /** Null where nothing can be made of it; what is wrong with it is reported in any case. */
  #parse<T extends z.ZodType>(node: Located, schema: T, name: SchemaName): Parsed<z.output<T>> | null {
    const isEmpty = node.kind === 'scalar' && node.value === null
    const result = schema.safeParse(isEmpty ? {} : plainOf(node))
    if (result.success) return { value: result.data, node, holes: new Set() }
    const extensions = extensionPaths(result.error.issues)
    if (extensions.length > 0) return this.#parse(withoutPaths(node, extensions), schema, name)
    const found = diagnosticsOf(result.error.issues, {
      root: node,
      allowedAt: (path) => allowedKeys(this.#schemas[name], path),
    })
    this.#files.diagnostics.push(...found)
    const rest = salvage(node, result.error.issues, allowedKeys(this.#schemas[name], []))
    const again = rest === null ? null : schema.safeParse(plainOf(rest.node))
    return rest !== null && again?.success ? { value: again.data, ...rest } : null
  }
}
