import { expect, test } from 'vitest'
import { mountPoints } from '../../../src/hosts/embedded-down.ts'

const line = (root: string, point: string) => `36 35 98:0 ${root} ${point} rw,noatime shared:1 - ext4 /dev/vda rw`

test('what an engine mounted is found, parents first, and a disk of somebody else is not', () => {
  const mountinfo = [
    line('/', '/'),
    line('/', '/srv/disk'),
    line('/var/lib/engine/data', '/var/lib/engine/data'),
    line('/', '/var/lib/engine/data/overlay2/a\\040b/merged'),
    line('/', '/var/lib/engine/data-of-another'),
  ].join('\n')
  expect(mountPoints(mountinfo, ['/var/lib/engine/data', '/srv/disk'])).toEqual([
    '/var/lib/engine/data',
    '/var/lib/engine/data/overlay2/a b/merged',
  ])
})
