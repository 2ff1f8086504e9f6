/** Small projects on the disk for tests that run for real. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface TestProject extends Disposable {
  readonly root: string
}

const server = readFileSync(new URL('server.pl', import.meta.url), 'utf8')

export const dockerfile = `FROM debian:bookworm-slim
COPY server.pl /server.pl
USER nobody
CMD ["perl", "/server.pl"]
`

export const bases = 'images: { debian:bookworm-slim: { bootstrap: { distribution: debian, suite: bookworm } } }\n'

/** A project of these files; removed with everything in it when it is disposed of. */
export function project(files: Readonly<Record<string, string>>): TestProject {
  const root = mkdtempSync(join(tmpdir(), 'matrix-project-'))
  for (const [path, content] of Object.entries({ 'matrix.yaml': bases, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) }
}

/** The files of a stack that serves HTTP on 8080; `yaml` is laid below what every such stack has. */
export function serverStack(
  id: string,
  options: {
    /** Lines that follow the ports. */
    readonly yaml?: string
    readonly readiness?: string
    readonly dockerfile?: string
    readonly checks?: string
  } = {},
): Readonly<Record<string, string>> {
  const readiness = options.readiness ?? '{ http: { port: http }, deadline: 30s }'
  const checks = options.checks ?? '  - { name: it answers, http: { port: http }, expect: { status: 200 } }'
  return {
    [`stacks/${id}/Dockerfile`]: options.dockerfile ?? dockerfile,
    [`stacks/${id}/server.pl`]: server,
    [`stacks/${id}/stack.yaml`]: `build: { context: . }
ports: { http: { port: 8080 } }
readiness: ${readiness}
${options.yaml ?? ''}
checks:
${checks}
`,
  }
}

export const environment = (id: string, yaml = '{}'): Readonly<Record<string, string>> => ({
  [`environments/${id}.yaml`]: `${yaml}\n`,
})
