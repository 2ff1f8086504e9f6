import { describe, expect, test } from 'vitest'
import { externalImages } from '../../../src/images/dockerfile.ts'

const dockerfile = `ARG VERSION=3
FROM old:1 AS base-2
FROM new:1 AS base-3
COPY --from=tools:1 /bin/tool /bin/tool
FROM side:1 AS unused
FROM base-\${VERSION}
RUN --mount=type=bind,from=base-\${VERSION},target=/x true
`

describe('the images that a Dockerfile needs from outside', () => {
  test('are those of the stages on the way to the last one', () => {
    expect(externalImages(dockerfile, {})).toEqual(['new:1', 'tools:1'])
    expect(externalImages(dockerfile, { VERSION: '2' })).toEqual(['old:1'])
  })
  test('are those of the stage that is the target, by its name in any case or its number', () => {
    expect(externalImages(dockerfile, {}, 'UNUSED')).toEqual(['side:1'])
    expect(externalImages(dockerfile, {}, '0')).toEqual(['old:1'])
  })
  test('are none for scratch', () => {
    expect(externalImages('FROM scratch\nCOPY a /a\n', {})).toEqual([])
  })
})
