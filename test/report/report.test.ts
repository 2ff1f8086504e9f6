/** The report as a reader meets it: from the disk, in the system's Chromium, under its own policy. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CellOutcome } from '../../src/model/outcome.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { readHistory } from '../../src/record/history.ts'
import { runFolder } from '../../src/record/run-folder.ts'
import { newContext, openBrowser, openReport } from '../support/browser.ts'
import { matrix, startMatrix } from '../support/matrix.ts'
import { type NightsOptions, writeNights } from '../support/nights.ts'

let browser: Browser
let folder: string
beforeAll(async () => {
  browser = await openBrowser()
  folder = mkdtempSync(join(tmpdir(), 'matrix-report-'))
})
afterAll(async () => {
  await browser.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Made {
  readonly file: string
  readonly run: RunRecord
  readonly told: string
}

/** Some nights, and what `matrix report` makes of the last. */
async function made(name: string, options: NightsOptions): Promise<Made> {
  const root = join(folder, name)
  const run = await writeNights(join(root, 'reports'), options)
  const { exitCode, stdout, stderr } = await matrix(['report'], { cwd: root })
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  return { file: runFolder(join(root, 'reports'), run.id).html, run, told: stdout }
}

const waiver = {
  reason: 'the vendor knows',
  owner: '@ops',
  issue: 'https://issues.example/1',
  created: '2026-10-01',
  at: 'waivers.yaml:2:3',
}
/** Every outcome, every change, and waivers that are used, ended and in vain. */
const mixed: NightsOptions = {
  rows: 5,
  columns: 4,
  nights: 6,
  log: '\u001b[31mit broke\u001b[0m\n',
  outcome: ({ row, column }, night): CellOutcome => {
    if (row === 0 && column === 1) return night === 5 ? 'fail' : 'pass'
    if (row === 1 && column === 2) return night > 0 && night < 5 ? 'fail' : 'pass'
    if (row === 2) return column === 3 ? 'pass' : 'fail'
    if (row === 3 && column === 0) return night === 5 ? 'error' : 'pass'
    if (row === 3 && column === 1) return 'excluded'
    if (row === 4 && column === 3) return night === 5 ? 'not-run' : 'pass'
    return 'pass'
  },
  waivers: [
    {
      ...waiver,
      match: { stack: 'stack-02', environment: 'place-00', signature: 's1:000000000002' },
      expires: '2026-10-09',
    },
    {
      ...waiver,
      match: { stack: 'stack-02', environment: 'place-01', signature: 's1:000000000002' },
      expires: '2026-10-02',
    },
    {
      ...waiver,
      match: { stack: 'stack-04', environment: 'place-00', signature: 's1:000000000004' },
      expires: '2026-12-01',
    },
  ],
}
const nameOf = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))

describe('a report of every outcome', () => {
  let report: Made
  beforeAll(async () => {
    report = await made('mixed', mixed)
  })

  test('asks for nothing, and its policy has nothing to complain about', async () => {
    const { page, trouble } = await openReport(browser, report.file)
    await page.getByRole('link', { name: 'stack-00 on place-01: fail, regressed, not waived' }).click()
    await page.locator('.cell-page.open').getByRole('button', { name: 'Close' }).click()
    await page.keyboard.press('?')
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    expect(trouble).toEqual([])
    expect(await page.locator('[style], link[rel="stylesheet"], [onclick]').count()).toBe(0)
    await page.context().close()
  })

  test('says at once what changed since the night before', async () => {
    const { page } = await openReport(browser, report.file)
    const verdict = (await page.getByRole('heading', { level: 1 }).textContent()) ?? ''
    expect(verdict).toContain('1 new failure, 2 failed as before, 1 fixed, 1 known (1 waiver ends within 7 days)')
    const review = page.locator('#review')
    await expect.poll(() => review.locator('.group').first().textContent()).toContain('regressed')
    const text = (await review.textContent()) ?? ''
    for (const words of ['malfunctioned', 'lost', 'Passes again', 'Ended on 2026-10-02', 'What it covers passes']) {
      expect(text).toContain(words)
    }
    await page.context().close()
  })

  test('can be read without JavaScript: the matrix, and every reason', async () => {
    const { page, trouble } = await openReport(browser, report.file, { javaScriptEnabled: false })
    for (const cell of report.run.cells) {
      const name = new RegExp(`^${cell.stack} on ${cell.environment}: `)
      expect(await page.getByRole('link', { name }).count()).toBe(1)
      if (cell.outcome === 'pass') continue
      const own = page.locator(`[id="${cell.id}"]`)
      expect(await own.isVisible()).toBe(true)
      expect(await own.innerText()).toContain(cell.message)
    }
    expect(await page.getByRole('columnheader').count()).toBeGreaterThanOrEqual(4)
    expect(await page.locator('#tools').innerText()).toBe('')
    expect(trouble).toEqual([])
    await page.context().close()
  })

  test('can be walked by keyboard alone', async () => {
    const { page } = await openReport(browser, report.file)
    await page.keyboard.press('n')
    expect(await nameOf(page)).toBe('stack-00 on place-01: fail, regressed, not waived')
    await page.keyboard.press('n')
    expect(await nameOf(page)).toBe('stack-03 on place-00: error, malfunctioned')
    await page.keyboard.press('p')
    await page.keyboard.press('ArrowRight')
    expect(await nameOf(page)).toBe('stack-00 on place-02: pass')
    await page.keyboard.press('ArrowDown')
    expect(await nameOf(page)).toBe('stack-01 on place-02: pass, fixed')
    await page.keyboard.press('End')
    expect(await nameOf(page)).toContain('stack-01 on place-03')
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowRight')
    expect(await nameOf(page)).toContain('stack-01 on place-00')
    // One stop for the whole grid.
    expect(await page.locator('#grid [tabindex="0"]').count()).toBe(1)
    await page.keyboard.press('Enter')
    await page.waitForSelector('.cell-page.open')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('stack-01@place-00')
    await page.keyboard.press('Escape')
    expect(await page.locator('.cell-page.open').count()).toBe(0)
    expect(await nameOf(page)).toContain('stack-01 on place-00')
    await page.keyboard.press('/')
    await page.keyboard.type('s:fail')
    await expect.poll(() => page.locator('output').textContent()).toBe('3 of 20')
    expect(await page.locator('#grid tbody tr:visible').count()).toBe(2)
    await page.keyboard.press('Escape')
    expect(await page.locator('#grid tbody tr:visible').count()).toBe(5)
    await page.context().close()
  })

  test('opens the cell, and the filter, that its address names', async () => {
    const one = await openReport(browser, report.file, { hash: '#stack-02@place-01' })
    await one.page.waitForSelector('.cell-page.open')
    const text = await one.page.locator('.cell-page.open').innerText()
    expect(text).toContain('ended on 2026-10-02')
    expect(text).toContain('matrix check stack-02@place-01 --keep-failed')
    await one.page.context().close()
    const other = await openReport(browser, report.file, { hash: '#?q=c%3Afixed' })
    await expect.poll(() => other.page.locator('output').textContent()).toBe('1 of 20')
    await other.page.context().close()
  })

  test.each([
    ['light, wide', { colorScheme: 'light' as const, viewport: { width: 1280, height: 900 } }],
    ['dark, wide', { colorScheme: 'dark' as const, viewport: { width: 1280, height: 900 } }],
    ['light, narrow', { colorScheme: 'light' as const, viewport: { width: 390, height: 800 } }],
  ])('has nothing that axe finds: %s', async (_, options) => {
    const { page } = await openReport(browser, report.file, options)
    expect(await violations(page)).toEqual([])
    await page.getByRole('link', { name: /^stack-02 on place-01/ }).click()
    await page.waitForSelector('.cell-page.open')
    expect(await violations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    expect(await violations(page)).toEqual([])
    await page.context().close()
  })

  test('prints what matters, light, with nothing cut off', async () => {
    const { page } = await openReport(browser, report.file, { colorScheme: 'dark' })
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(await page.locator('nav').isVisible()).toBe(false)
    expect(await page.locator('[id="stack-02@place-01"]').isVisible()).toBe(true)
    expect(await page.locator('[id="stack-00@place-00"]').isVisible()).toBe(false)
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)')
    expect((await page.pdf()).length).toBeGreaterThan(10_000)
    await page.context().close()
  })
})

describe('a report of an earlier run of which not everything counts any more', () => {
  test('shows ? there, on the disk and served, and leaves the record as it was', async () => {
    const root = join(folder, 'stale')
    const { run } = await made('stale', { rows: 3, columns: 2, nights: 2, outcome: () => 'pass' })
    const [outdated] = readHistory(join(root, 'reports'))
    if (outdated === undefined) throw new Error('there is no history')
    const found = { ...outdated, run: 'later', startedAt: '2026-12-01T00:00:00.000Z', fingerprint: 'f1:other' }
    appendFileSync(join(root, 'reports/history.jsonl'), `${JSON.stringify(found)}\n`)
    const served = await serving(root)
    try {
      const context = await newContext(browser)
      const page = await context.newPage()
      await page.goto(served.address)
      expect(await page.locator('.group .badge').allInnerTexts()).toEqual(['?stale'])
      await page.goto(`${served.address}${run.id}/index.html`)
      expect(await page.getByRole('link', { name: 'stack-00 on place-00: stale, then pass' }).count()).toBe(1)
      await context.close()
    } finally {
      await served.end()
    }
    expect((await matrix(['report'], { cwd: root })).stdout).toContain('1 not known any more (then 1 pass), 5 passed')
    const { page } = await openReport(browser, runFolder(join(root, 'reports'), run.id).html)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('1 not known any more')
    expect(await page.locator('#grid .cell.pass').count()).toBe(5)
    await page.keyboard.press('/')
    await page.keyboard.type('s:stale')
    await expect.poll(() => page.locator('output').textContent()).toBe('1 of 6')
    expect(await violations(page)).toEqual([])
    await page.context().close()
    const record = JSON.parse((await matrix(['report', '--format', 'json'], { cwd: root })).stdout) as RunRecord
    expect(record.cells.map((cell) => [cell.outcome, cell.stale])).toEqual(run.cells.map(() => ['pass', undefined]))
  })
})

async function violations(page: Page): Promise<readonly string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze()
  return found.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(' ')} ${node.failureSummary}`))
}

describe('what matrix serve shows', () => {
  test('lists the runs, and opens a report, with nothing to complain about, for axe neither', async () => {
    const served = await serving(join(folder, 'mixed'))
    try {
      const context = await newContext(browser)
      const page = await context.newPage()
      const trouble: string[] = []
      page.on('console', (message) => trouble.push(message.text()))
      await page.goto(served.address)
      expect(await violations(page)).toEqual([])
      await page.locator('main a').first().click()
      await page.waitForSelector('#grid[role="grid"]')
      expect(trouble).toEqual([])
      await context.close()
    } finally {
      await served.end()
    }
  })
})

/** `matrix serve` in a project, once it has said where. */
async function serving(cwd: string): Promise<{ readonly address: string; readonly end: () => Promise<void> }> {
  const server = startMatrix(['serve', '--port', '0'], { cwd })
  const address = await new Promise<string>((resolve, reject) => {
    server.stderr?.on('data', (chunk: Buffer) => {
      const found = /http:\/\/localhost:\d+\//.exec(chunk.toString())?.[0]
      if (found !== undefined) resolve(found)
    })
    server.on('close', () => reject(new Error('it ended')))
  })
  const end = async () => {
    server.kill('SIGINT')
    await server
  }
  return { address, end }
}

test('the layout in separate files is styled, and readable, under the policy of Jenkins', async () => {
  const root = join(folder, 'mixed')
  expect((await matrix(['report', '--separate'], { cwd: root })).exitCode).toBe(0)
  const { path } = JSON.parse(readFileSync(join(root, 'reports/latest.json'), 'utf8')) as { readonly path: string }
  const types = { html: 'text/html', css: 'text/css', js: 'text/javascript' } as const
  const server = createServer((request, response) => {
    const name = /^\/(report\.html|report\.css|island\.js)$/.exec(request.url ?? '')?.[1]
    if (name === undefined) return void response.writeHead(404).end()
    response.writeHead(200, {
      'content-type': types[name.split('.')[1] as keyof typeof types],
      'content-security-policy': "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';",
    })
    response.end(readFileSync(join(root, 'reports', dirname(path), name)))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    const address = server.address()
    const context = await newContext(browser)
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/report.html`)
    expect(await page.locator('[id="stack-02@place-01"]').innerText()).toContain('ended on 2026-10-02')
    expect(await page.evaluate(() => getComputedStyle(document.body).margin)).toBe('0px')
    await context.close()
  } finally {
    server.close()
  }
})

describe('what a container wrote', () => {
  const hostile =
    '</script></style><img src=x onerror=alert(1)><script>alert(2)</script>\u001b]8;;javascript:alert(3)\u0007link\u001b]8;;\u0007\u202egnp.exe\u0000'
  test('is inert, and bounded, wherever it is shown', async () => {
    const { file, run } = await made('hostile', {
      rows: 2,
      columns: 2,
      nights: 2,
      hostile,
      log: `\u001b[31mred\u001b[0m ${hostile}\n${'\u001b[32m\u001b[1ma'.repeat(5000)}\n${'y'.repeat(5 * 1024 * 1024)}`,
      outcome: ({ row }) => (row === 0 ? 'pass' : 'fail'),
    })
    const { page, trouble } = await openReport(browser, file, { hash: '#stack-01@place-00' })
    await page.waitForSelector('.cell-page.open')
    const seen = await page.evaluate(() => ({
      images: document.images.length,
      scripts: document.scripts.length,
      foreign: document.querySelectorAll('a[href^="javascript"]').length,
      text: document.documentElement.textContent ?? '',
      title: document.title,
    }))
    expect(seen).toMatchObject({ images: 0, scripts: 1, foreign: 0 })
    expect(seen.text).toContain('<img src=x onerror=alert(1)>')
    expect(seen.text).toContain('bytes cut')
    for (const char of ['\u001b', '\u202e', '\u0007']) expect(`${seen.text}${seen.title}`).not.toContain(char)
    expect(trouble).toEqual([])
    expect(readFileSync(file).length).toBeLessThan(1024 * 1024)
    const opened = page.locator('.cell-page.open')
    expect(await opened.evaluate((element) => element.scrollWidth <= element.clientWidth)).toBe(true)
    expect(run.cells.filter((cell) => cell.outcome === 'fail')).toHaveLength(2)
    await page.context().close()
  })
})

describe('fifty stacks in fifty places over thirty nights', () => {
  let big: Made
  beforeAll(async () => {
    big = await made('big', {
      rows: 50,
      columns: 50,
      nights: 30,
      log: `${'a line of the log\n'.repeat(4000)}`,
      outcome: ({ row, column }, night) => {
        if ((row * 7 + column * 13 + (night === 29 ? 1 : 0)) % 17 === 0) return 'fail'
        return (row * 5 + column) % 41 === 0 ? 'error' : 'pass'
      },
    })
  })

  test('make a file of less than 10 MB', () => {
    expect(readFileSync(big.file).length).toBeLessThan(10_000_000)
    expect(readFileSync(big.file).length).toBeGreaterThan(500_000)
  })

  test('can be filtered and opened, also what is kept packed', async () => {
    const { page, trouble } = await openReport(browser, big.file)
    const failed = big.run.cells.filter((cell) => cell.outcome === 'fail').length
    await page.fill('#filter', 's:fail')
    await expect.poll(() => page.locator('output').textContent()).toBe(`${failed} of 2500`)
    expect(await page.locator('a.cell:not(.away)').count()).toBe(failed)
    const passed = big.run.cells.find((cell) => cell.outcome === 'pass')
    await page.evaluate((id) => {
      location.hash = `#${id}`
    }, passed?.id)
    await page.waitForSelector('.cell-page.open')
    expect(await page.locator('.cell-page.open').innerText()).toContain('check 5 holds')
    expect(trouble).toEqual([])
    await page.context().close()
  })

  test('fit a terminal and a CI server too', () => {
    expect(big.told.length).toBeLessThan(300_000)
    const junit = readFileSync(runFolder(join(folder, 'big', 'reports'), big.run.id).junit, 'utf8')
    expect(junit.length).toBeLessThan(10_000_000)
    expect(junit.match(/<testcase /g)).toHaveLength(2500 * 7)
  })
})
