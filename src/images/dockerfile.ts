/** What a Dockerfile asks of its surroundings: the images it starts from, and the host's certificates. */

/** Where Matrix puts the host's CA bundle into a context whose Dockerfile names this path. */
export const hostCaPath = '.matrix/host-ca.crt'

/** References of images outside the Dockerfile: `FROM` and `COPY --from`, build arguments filled in. `scratch` is none. */
export function externalImages(dockerfile: string, args: Readonly<Record<string, string>>): readonly string[] {
  const values = new Map<string, string>()
  const stages = new Set<string>()
  const images = new Set<string>()
  let stageCount = 0
  for (const line of logicalLines(dockerfile)) {
    const argument = /^ARG\s+([A-Za-z_]\w*)(?:=(.*))?$/i.exec(line)
    if (argument?.[1] !== undefined && stageCount === 0) {
      values.set(argument[1], args[argument[1]] ?? unquote(argument[2] ?? ''))
      continue
    }
    const from = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/i.exec(line)
    if (from?.[1] !== undefined) {
      const reference = fill(from[1], values)
      if (reference !== 'scratch' && !stages.has(reference.toLowerCase())) images.add(reference)
      if (from[2] !== undefined) stages.add(from[2].toLowerCase())
      stages.add(String(stageCount))
      stageCount += 1
      continue
    }
    const copied = /^(?:COPY|RUN)\b.*?(?:--from=|[,=]from=)([^\s,]+)/i.exec(line)?.[1]
    if (copied !== undefined) {
      const reference = fill(copied, values)
      if (!stages.has(reference.toLowerCase())) images.add(reference)
    }
  }
  return [...images]
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
