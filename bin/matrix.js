#!/usr/bin/env node
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const program = new URL('../dist/cli.js', import.meta.url)
if (statSync(program, { throwIfNoEntry: false }) !== undefined) {
  await import(program.href)
} else {
  const folder = fileURLToPath(new URL('..', import.meta.url))
  process.stderr.write(`matrix: it is not built yet\n  Run in ${folder}: npm ci && npm run build\n`)
  process.exitCode = 3
}
