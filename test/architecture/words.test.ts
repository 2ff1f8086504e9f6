import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname

// Joined here, so that this file does not hold the words that it looks for.
const words = [
  ['registry', 'npmjs'],
  ['deb', 'debian', 'org'],
  ['pypi', 'org'],
  ['repo', 'maven'],
  ['repo1', 'maven'],
  ['proxy', 'golang', 'org'],
  ['crates', 'io'],
].map((parts) => parts.join('.'))

/** The words in `text` that belong to one machine or one mirror, and not to the project. */
function foreignWords(text: string): readonly string[] {
  return words.filter((word) => text.includes(word))
}

test('no file names a package registry or a mirror: the machine decides which one is used', () => {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((path) => path !== '' && path !== 'package-lock.json')
  expect(files.length).toBeGreaterThan(10)
  const found = files.flatMap((path) => {
    const hits = foreignWords(readOrNothing(`${root}/${path}`))
    return hits.map((word) => `${path}: ${word}`)
  })
  expect(found).toEqual([])
})

test('the search finds what it looks for', () => {
  expect(foreignWords(`https://${words[0]}.org/x`)).toEqual([words[0]])
})

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // listed by git and deleted on disk, or a link to nowhere
  }
}
