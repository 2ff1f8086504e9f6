/** What a script adds to the report: filter, keys, pages beside the matrix. Without it everything can be read. */
import { button, element, isTyping, remember, remembered } from './dom.ts'
import { Filter } from './filter.ts'
import { Grid } from './grid.ts'
import { closePage, isReading, startPages } from './pages.ts'

const keys: readonly (readonly [string, string])[] = [
  ['/', 'filter'],
  ['arrows, Home, End', 'move in the matrix'],
  ['Enter', 'open a cell'],
  ['n, p', 'next, previous cell that got worse; where none did, that is not green'],
  ['Esc', 'close the page of a cell, or clear the filter'],
  ['?', 'this list'],
]
const filters: readonly (readonly [string, string])[] = [
  ['api', 'cells whose id holds it'],
  ['s:fail', 'an outcome: pass, fail, known (waived), error, blocked, not-run, excluded'],
  ['env:qa stack:api', 'of an environment, of a stack'],
  ['changed c:regressed', 'what changed, or how: regressed, malfunctioned, fixed, new, lost'],
]

function startThemes(): HTMLElement {
  const themes = ['auto', 'light', 'dark']
  const root = document.documentElement
  const show = (theme: string) => {
    if (theme === 'auto') delete root.dataset['theme']
    else root.dataset['theme'] = theme
    toggle.textContent = `Theme: ${theme}`
    remember('matrix-theme', theme)
  }
  const toggle = button('', () => {
    show(themes[(themes.indexOf(root.dataset['theme'] ?? 'auto') + 1) % themes.length] ?? 'auto')
  })
  const before = remembered('matrix-theme') ?? 'auto'
  show(themes.includes(before) ? before : 'auto')
  return toggle
}

function makeHelp(): HTMLDialogElement {
  const list = (entries: readonly (readonly [string, string])[]) =>
    element(
      'dl',
      { class: 'keys' },
      ...entries.flatMap(([name, means]) => [element('dt', {}, element('kbd', {}, name)), element('dd', {}, means)]),
    )
  const dialog = element('dialog', { 'aria-labelledby': 'help-title' })
  dialog.append(
    element('h2', { id: 'help-title' }, 'Keys and filters'),
    list(keys),
    element('h3', {}, 'Words of the filter'),
    list(filters),
    button('Close', () => dialog.close()),
  )
  document.body.append(dialog)
  return dialog
}

function startFilter(table: HTMLElement): { readonly input: HTMLInputElement; readonly parts: readonly HTMLElement[] } {
  const filter = new Filter(table)
  const input = element('input', {
    type: 'search',
    id: 'filter',
    placeholder: 'Filter: api s:fail changed',
    'aria-label': 'Filter cells',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  const told = element('output', { for: 'filter' })
  const apply = () => {
    const shown = filter.apply(input.value)
    told.textContent = input.value.trim() === '' ? '' : `${shown.cells} of ${shown.of}`
    const address =
      input.value.trim() === '' ? location.pathname + location.search : `#?q=${encodeURIComponent(input.value)}`
    if (!location.hash.includes('@')) history.replaceState(null, '', address)
  }
  input.addEventListener('input', apply)
  for (const count of document.querySelectorAll<HTMLElement>('.counts .count')) {
    const token = count.dataset['token'] ?? ''
    const choose = button('', () => {
      input.value = input.value.trim() === token ? '' : token
      apply()
    })
    choose.append(...count.childNodes)
    count.append(choose)
  }
  const asked = /^#\?q=(.*)$/.exec(location.hash)?.[1]
  if (asked !== undefined) {
    input.value = new URLSearchParams(location.hash.slice(2)).get('q') ?? ''
    apply()
  }
  return { input, parts: [input, told] }
}

function start(): void {
  const table = document.getElementById('grid')
  const tools = document.getElementById('tools')
  if (table === null || tools === null) return
  document.documentElement.classList.add('js')
  const grid = new Grid(table)
  const help = makeHelp()
  const { input, parts } = startFilter(table)
  tools.append(
    ...parts,
    startThemes(),
    button('?', () => help.showModal(), { 'aria-label': 'Keys and filters' }),
  )
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return
    if (event.key === 'Escape') {
      if (isReading()) closePage()
      else if (input.value !== '') {
        input.value = ''
        input.dispatchEvent(new Event('input'))
      }
      return
    }
    if (isTyping(event.target)) return
    if (event.key === '/') input.focus()
    else if (event.key === '?') help.showModal()
    else if (event.key === 'n') grid.leap(1)
    else if (event.key === 'p') grid.leap(-1)
    else return
    event.preventDefault()
  })
  startPages()
}

start()
