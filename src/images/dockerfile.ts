/** What a Dockerfile asks of its surroundings: the images it starts from, and the host's certificates. */

/** Where Matrix puts the host's CA bundle into a context whose Dockerfile names this path. */
export const hostCaPath = '.matrix/host-ca.crt'

interface Stage {
  readonly name: string | null
  /** What it starts from and copies from: stages before it, and images outside. */
  readonly references: string[]
}

/**
 * References of images outside the Dockerfile that the last stage (or `target`) needs, directly or through other stages:
 * `FROM` and `COPY --from`, build arguments filled in. `scratch` is none.
 */
export function externalImages(
  dockerfile: string,
  args: Readonly<Record<string, string>>,
  target?: string,
): readonly string[] {
  const stages = stagesOf(dockerfile, args)
  const wanted = target?.toLowerCase()
  const last = wanted === undefined ? stages.length - 1 : indexOf(stages, wanted, stages.length)
  const images = new Set<string>()
  const visited = new Set<number>()
  const visit = (index: number) => {
    const stage = stages[index]
    if (stage === undefined || visited.has(index)) return
    visited.add(index)
    for (const reference of stage.references) {
      const earlier = indexOf(stages, reference.toLowerCase(), index)
      if (earlier >= 0) visit(earlier)
      else if (reference !== 'scratch') images.add(reference)
    }
  }
  visit(last)
  return [...images]
}

function stagesOf(dockerfile: string, args: Readonly<Record<string, string>>): readonly Stage[] {
  const values = new Map<string, string>()
  const stages: Stage[] = []
  for (const line of logicalLines(dockerfile)) {
    const argument = /^ARG\s+([A-Za-z_]\w*)(?:=(.*))?$/i.exec(line)
    if (argument?.[1] !== undefined && stages.length === 0) {
      values.set(argument[1], args[argument[1]] ?? unquote(argument[2] ?? ''))
      continue
    }
    const from = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/i.exec(line)
    if (from?.[1] !== undefined) {
      stages.push({ name: from[2]?.toLowerCase() ?? null, references: [fill(from[1], values)] })
      continue
    }
    for (const copied of line.matchAll(/(?:--from=|[,=]from=)([^\s,]+)/gi)) {
      if (/^(?:COPY|RUN)\b/i.test(line) && copied[1] !== undefined) {
        stages.at(-1)?.references.push(fill(copied[1], values))
      }
    }
  }
  return stages
}

/** A stage before `end`, by its name or its number; -1 where there is none. */
function indexOf(stages: readonly Stage[], reference: string, end: number): number {
  return stages.findIndex((stage, index) => index < end && (stage.name === reference || String(index) === reference))
}

/** Whether a step mounts or copies the host's CA bundle. */
export function asksForHostCa(dockerfile: string): boolean {
  return logicalLines(dockerfile).some((line) => line.includes(hostCaPath))
}

function logicalLines(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\[ \t]*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function fill(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}|\$([A-Za-z_]\w*)/g, (_, braced, fallback, plain) => {
    const value = values.get(String(braced ?? plain))
    return value === undefined || value === '' ? String(fallback ?? '') : value
  })
}

const unquote = (text: string) => text.trim().replace(/^(["'])(.*)\1$/, '$2')
