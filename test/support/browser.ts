/** The system's Chromium, opening a report from the disk as a reader would. */
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** @throws where there is none: a level that needs it must not pass without it */
export async function openBrowser(): Promise<Browser> {
  const executablePath = places.find((path) => existsSync(path))
  if (executablePath === undefined) throw new Error('no Chromium is installed; npm test installs it')
  // As root Chromium's own sandbox does not start.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** Within the time that a test has; a page of thousands of cells takes a busy machine more than the half minute of Playwright's. */
const patienceMs = 240_000

export async function newContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(patienceMs)
  return context
}

export interface OpenedReport {
  readonly page: Page
  /** Everything that the page asked for beside itself, and all that it or the browser complained about. */
  readonly trouble: readonly string[]
}

export async function openReport(
  browser: Browser,
  file: string,
  options: BrowserContextOptions & { readonly hash?: string } = {},
): Promise<OpenedReport> {
  const { hash = '', ...rest } = options
  const context = await newContext(browser, { viewport: { width: 1280, height: 900 }, ...rest })
  const page = await context.newPage()
  const address = pathToFileURL(file).href
  const trouble: string[] = []
  page.on('console', (message) => trouble.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => trouble.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    const url = request.url()
    if (url.split('#')[0] !== address && !url.startsWith('data:')) trouble.push(`request: ${url}`)
  })
  await page.goto(`${address}${hash}`)
  return { page, trouble }
}
