/**
 * Draws the matrix of a run as an SVG, for documents: node scripts/picture.mjs reports/RUN/run.json > picture.svg
 * Of several runs, which have the same rows, each gives its columns. Letters and shapes as well as colours; its colours hold on a light and on a dark page.
 */
import { readFileSync } from 'node:fs'

const paths = process.argv.slice(2)
if (paths.length === 0) {
  console.error('usage: node scripts/picture.mjs reports/RUN/run.json… > picture.svg')
  process.exit(2)
}
const runs = paths.map((path) => JSON.parse(readFileSync(path, 'utf8')))
const run = {
  stacks: runs[0].stacks,
  environments: runs.flatMap(({ environments }) => environments),
  cells: runs.flatMap(({ cells }) => cells),
}
const looks = {
  pass: ['#1a7f37', '✔', 'pass'],
  fail: ['#cf222e', '✘', 'FAIL'],
  error: ['#8250df', '!', 'error'],
  blocked: ['#8250df', '■', 'blocked'],
  excluded: ['#6e7781', '–', 'excluded'],
  cancelled: ['#6e7781', '/', 'cancelled'],
  'not-run': ['#6e7781', '?', ''],
}
const escapeMarkup = (text) => text.replace(/[<>&"]/g, (char) => `&#${char.charCodeAt(0)};`)
const left = 150
const top = 110
const size = { width: 96, height: 34 }
const width = left + run.environments.length * size.width + 50
const height = top + run.stacks.length * size.height + 12
const parts = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
  `<title>${escapeMarkup(`${run.stacks.length} stacks in ${run.environments.length} environments`)}</title>`,
  `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
]
run.environments.forEach((environment, column) => {
  const x = left + column * size.width + size.width / 2
  parts.push(
    `<text transform="translate(${x - 6} ${top - 12}) rotate(-32)" fill="#24292f">${escapeMarkup(environment.title)}</text>`,
  )
})
run.stacks.forEach((stack, row) => {
  const y = top + row * size.height
  parts.push(
    `<text x="${left - 12}" y="${y + 21}" text-anchor="end" fill="#24292f">${escapeMarkup(stack.title)}</text>`,
  )
  run.environments.forEach((environment, column) => {
    const cell = run.cells.find((one) => one.stack === stack.id && one.environment === environment.id)
    if (cell === undefined) return
    const [color, shape, word] = looks[cell.outcome]
    const x = left + column * size.width
    parts.push(
      `<rect x="${x + 2}" y="${y + 2}" width="${size.width - 4}" height="${size.height - 4}" rx="5" fill="${color}"/>`,
      `<text x="${x + size.width / 2}" y="${y + 21}" text-anchor="middle" fill="#ffffff">${shape} ${word}</text>`,
    )
  })
})
console.log([...parts, '</svg>'].join('\n'))
