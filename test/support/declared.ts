/** Declared things with nothing special about them, for pure tests that change one field. */
import type { HttpProbe } from '../../src/model/check.ts'
import type { RunnableCell } from '../../src/model/plan.ts'
import type { Environment, StackRow } from '../../src/model/project.ts'

export const somewhere = { file: 'x.yaml', line: 1, column: 1, length: 1 }

export const stackRow = (over: Partial<StackRow> = {}): StackRow => ({
  kind: 'stack',
  id: 'api',
  base: 'api',
  title: 'API',
  needs: [],
  checks: [],
  exclusive: false,
  at: somewhere,
  image: { kind: 'image', reference: 'x' },
  ports: {},
  environment: {},
  service: { constraints: {}, volumes: [] },
  ...over,
})

export const environmentOf = (over: Partial<Environment> = {}): Environment => ({
  id: 'qa',
  title: 'QA',
  description: '',
  engine: { kind: 'default' },
  constraints: {},
  allow: { cap_add: [] },
  required: [],
  sells: {},
  network: { egress: 'open' },
  contract: {},
  timeScale: 1,
  at: somewhere,
  ...over,
})

export const runnableCell = (over: Partial<RunnableCell> = {}): RunnableCell => ({
  kind: 'run',
  id: 'api@qa',
  row: 'api',
  environment: 'qa',
  copies: [],
  checks: [],
  network: { egress: 'open' },
  contract: {},
  timeScale: 1,
  required: [],
  unsupported: [],
  findings: [],
  exclusive: false,
  ...over,
})

export const httpProbe = (over: Partial<HttpProbe> = {}): HttpProbe => ({
  kind: 'http',
  port: 'http',
  method: 'GET',
  path: '/',
  headers: {},
  cookies: false,
  redirects: 0,
  expect: {},
  ...over,
})
