/**
 * Pictures of a run's report for the documents: node scripts/screenshots.mjs [reports/RUN/index.html]; the last run where
 * none is named. They are written to docs/images/. The system's Chromium draws them.
 */
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { root } from './steps.mjs'

const lastRun = () => JSON.parse(readFileSync(`${root}reports/latest.json`, 'utf8')).run
const file = process.argv[2] ?? `${root}reports/${lastRun()}/index.html`
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
if (executablePath === undefined || !existsSync(file)) {
  console.error(executablePath === undefined ? 'Chromium is not installed.' : `There is no ${file}.`)
  process.exit(2)
}
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })

/** Opens the report in a window of its own, prepares it, and takes a picture. */
async function picture(name, { prepare = async () => {}, ...options }) {
  const context = await browser.newContext({ deviceScaleFactor: 1, ...options })
  const page = await context.newPage()
  await page.goto(pathToFileURL(file).href)
  await prepare(page)
  const path = `${root}docs/images/${name}.png`
  await page.screenshot({ path })
  console.log(path)
  await context.close()
}

/** The first cell that is not green, opened as a reader would. */
const openFirst = async (page) => {
  await page.keyboard.press('n')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.cell-page.open')
}

const wide = { width: 1280, height: 860 }
await picture('report', { viewport: wide })
await picture('report-cell', { viewport: wide, colorScheme: 'dark', prepare: openFirst })
await picture('report-narrow', { viewport: { width: 400, height: 860 } })
await browser.close()
