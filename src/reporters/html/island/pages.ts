/** Opens the page of a cell beside the matrix, by its address. */
import { h, render } from 'preact'
import { CellPage } from '../cell-page.tsx'
import type { CellView } from '../view.ts'
import { all, button, element } from './dom.ts'

const holder = document.getElementById('pages')
let opened: HTMLElement | null = null
let later: Promise<ReadonlyMap<string, CellView>> | null = null

/** Follows the address from now on. */
export function startPages(): void {
  for (const page of all('#pages > article')) furnish(page)
  addEventListener('hashchange', () => void follow())
  document.addEventListener('click', (event) => {
    // The address may be the one that is there already.
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href^="#"]') : null
    if (link !== null && link.hash === location.hash) void follow()
  })
  void follow()
}

/** Empty where the address names nothing that could be a cell. */
function cellOfAddress(): string {
  try {
    return decodeURIComponent(location.hash.slice(1))
  } catch {
    return ''
  }
}

async function follow(): Promise<void> {
  const id = cellOfAddress()
  const page = pageOf(id) ?? (id.includes('@') ? await makePage(id) : null)
  if (page === null) {
    shut()
    return
  }
  shut()
  opened = page
  page.classList.add('open')
  for (const fold of all('details.fold', page)) fold.setAttribute('open', '')
  document.documentElement.classList.add('reading')
  page.scrollTop = 0
  page.focus({ preventScroll: true })
}

function pageOf(id: string): HTMLElement | null {
  const page = id === '' ? null : document.getElementById(id)
  return page?.parentElement === holder ? page : null
}

function shut(): void {
  opened?.classList.remove('open')
  opened = null
  document.documentElement.classList.remove('reading')
}

export const isReading = (): boolean => opened !== null

/** Closes the page and gives the focus back to its cell. */
export function closePage(): void {
  const id = opened?.id
  shut()
  history.replaceState(null, '', `${location.pathname}${location.search}`)
  if (id !== undefined) document.querySelector<HTMLElement>(`[data-cell="${CSS.escape(id)}"]`)?.focus()
}

function furnish(page: HTMLElement): void {
  page.prepend(button('Close', closePage, { class: 'close', 'aria-label': 'Close this page' }))
  for (const text of all('pre.copy', page)) {
    const told = element('span', { role: 'status' })
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(text.textContent ?? '')
        told.textContent = 'Copied.'
      } catch {
        getSelection()?.selectAllChildren(text)
        told.textContent = 'Selected.'
      }
    }
    text.after(
      element(
        'p',
        { class: 'copying' },
        button('Copy', () => void copy()),
        told,
      ),
    )
  }
}

/** A page that is not in the file as it is: read out of what is kept beside, once. */
async function makePage(id: string): Promise<HTMLElement | null> {
  later ??= readLater()
  const view = (await later).get(id)
  if (view === undefined || holder === null) return null
  const page = element('article', { id, class: `cell-page ${view.look}`, tabindex: '-1' })
  page.setAttribute('aria-labelledby', `title-${id}`)
  holder.append(page)
  render(h(CellPage, { view }), page)
  furnish(page)
  return page
}

async function readLater(): Promise<ReadonlyMap<string, CellView>> {
  const text = document.getElementById('later')?.textContent
  if (!text) return new Map()
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  const views = (await new Response(stream).json()) as readonly CellView[]
  return new Map(views.map((view) => [view.cell.id, view]))
}
