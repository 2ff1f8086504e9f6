/** From a clean clone to a filled matrix: dependencies, build, an engine, and a run over the project's own stacks. */
import { buildProgram, installDependencies, requireNode, root, run } from './steps.mjs'

console.error(`Matrix quickstart, in ${root}
  1. installs the Node dependencies, where they are missing
  2. builds the program into dist/
  3. makes sure that a container engine answers; where none does, it starts one of its own, and as root on
     Debian or Ubuntu it installs the packages for that first
  4. builds the project's stacks, runs them in every environment, and writes a report to reports/`)

requireNode()
await installDependencies()
await buildProgram()
console.error('\n▸ Filling the matrix (matrix check --install)')
const exitCode = await run(process.execPath, ['bin/matrix.js', 'check', '--install', ...process.argv.slice(2)])
// A red cell is an answer too: the matrix is filled. By itself, matrix check ends with 1 where a cell failed.
if (exitCode === 1) console.error('\nThe matrix is filled. The reasons of its red cells stand above and in the report.')
process.exitCode = exitCode === 1 ? 0 : exitCode
