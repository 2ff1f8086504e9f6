import { expect, test } from 'vitest'
import { fillPlaceholders, placeholdersIn } from '../../../src/model/placeholder.ts'

test.each([
  ['/orders/{{id}}', '/orders/7', ['id']],
  ['{{ id }}{{other}}', '7{{other}}', ['id', 'other']],
  ['\\{{id}} is {{id}}', '{{id}} is 7', ['id']],
  ['{{ user.name }} {id} {{}}', '{{ user.name }} {id} {{}}', []],
])('%j becomes %j', (text, filled, names) => {
  expect(fillPlaceholders(text, (name) => (name === 'id' ? '7' : undefined))).toBe(filled)
  expect(placeholdersIn(text)).toEqual(names)
})
