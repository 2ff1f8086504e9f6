/**
 * Bundles src/ into dist/: one small entry, and one chunk a command that is loaded when it is asked for; beside them,
 * in dist/report/, the style and the script that every HTML report carries in itself.
 */
import { rmSync } from 'node:fs'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: { cli: 'src/cli.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  sourcemap: 'linked',
  logLevel: 'warning',
})
await build({
  entryPoints: { report: 'src/reporters/html/report.css', island: 'src/reporters/html/island/island.ts' },
  outdir: 'dist/report',
  bundle: true,
  minify: true,
  platform: 'browser',
  format: 'iife',
  target: 'es2022',
  // Anser is written for Node and brings its own interop.
  mainFields: ['module', 'main'],
  logLevel: 'warning',
})
