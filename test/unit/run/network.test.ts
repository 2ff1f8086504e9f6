import { describe, expect, it } from 'vitest'
import { isWithin } from '../../../src/run/network/helper-container.ts'
import { exemptOf, networkSysctls, proxyVariables } from '../../../src/run/network/imposed.ts'
import { proxyConfiguration } from '../../../src/run/network/proxy.ts'
import { compareNetworkAtom } from '../../../src/run/verify/compare-network.ts'
import { parseKernelView } from '../../../src/run/verify/kernel-view.ts'
import { isSettled, type NetworkSeen, nothingSeen, parseDelay, settled } from '../../../src/run/verify/network.ts'

const view = parseKernelView(`@@status
Uid:\t1000\t1000\t1000\t1000
@@inet6
00000000000000000000000000000001 01 80 10 80       lo
fd00123400000000000000000000beef 0d 40 00 82     eth0
fe80000000000000004200fffeac0002 0d 40 20 80     eth0
@@links
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
924: eth0@if925: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1400 qdisc noqueue \\    link/ether 02:42:c0:a8:80:04 brd ff:ff:ff:ff:ff:ff
`)

describe('the kernel view', () => {
  it('knows the addresses of each device and the packet size of the one that leads out', () => {
    expect(view?.mtu).toBe(1400)
    expect(view?.ipv6).toContainEqual({ address: 'fd00:1234:0000:0000:0000:0000:0000:beef', device: 'eth0' })
    expect(view?.ipv6).toHaveLength(3)
  })
})

const compare = (key: string, value: string | number, seen: Partial<NetworkSeen> = {}, delayed = ['db']) =>
  compareNetworkAtom({ key, value }, { view, seen: { ...nothingSeen, ...seen }, delayed })
const agrees = (...given: Parameters<typeof compare>) => compare(...given).agrees

describe('a network atom', () => {
  it.each([
    ['open', { direct: true }, true],
    ['open', { direct: false }, false],
    ['none', { direct: false }, true],
    ['none', { direct: true }, false],
    ['none', {}, null],
    ['proxy', { direct: false, proxied: true }, true],
    ['proxy', { direct: true, proxied: true }, false],
    ['proxy', { direct: false, proxied: false }, false],
    ['proxy', { direct: false }, null],
    ['proxy', { proxied: true }, null],
  ])('egress: %s where %o was seen', (value, seen, expected) => {
    expect(agrees('network.egress', value, seen)).toBe(expected)
  })

  it('mtu and ipv6 are what the kernel says', () => {
    expect([agrees('network.mtu', 1400), agrees('network.mtu', 1500)]).toEqual([true, false])
    expect([agrees('network.ipv6', 'on'), agrees('network.ipv6', 'no_address')]).toEqual([true, false])
    const gone = { view: null, seen: nothingSeen, delayed: [] }
    expect(compareNetworkAtom({ key: 'network.mtu', value: 1400 }, gone)).toMatchObject({ agrees: null })
  })

  const delay = { alias: 'db', leadsTo: ['10.0.0.2'], relay: ['10.0.0.2', 'fd00::2'], throughMs: 20.4, directMs: 0.3 }
  it.each([
    ['a connection that waited', delay, true],
    ['a name that leads to the relay twice', { ...delay, leadsTo: ['10.0.0.2', 'fd00::2'] }, true],
    ['one that did not', { ...delay, throughMs: 19.9 }, false],
    ['one that did not end by itself', { ...delay, throughMs: null }, null],
    ['a name that leads past the relay', { ...delay, leadsTo: ['10.0.0.3'] }, false],
    ['a name that leads to both', { ...delay, leadsTo: ['10.0.0.2', '10.0.0.3'] }, false],
  ])('latency: %s', (_, seen, expected) => {
    expect(agrees('network.latency', 20, { delays: [seen] })).toBe(expected)
  })

  it('latency that was seen of some needs only is not known to be in force, and may be known not to be', () => {
    const both = ['db', 'queue']
    expect(agrees('network.latency', 20, { delays: [delay] }, both)).toBeNull()
    expect(agrees('network.latency', 20, { delays: [{ ...delay, throughMs: 1 }] }, both)).toBe(false)
    expect(agrees('network.latency', 20, {}, both)).toBeNull()
  })

  it('latency is not applied where no need can be delayed', () => {
    expect(compare('network.latency', 20, {}, [])).toEqual({ provenance: 'unsupported', observed: null, agrees: null })
  })
})

describe('what a look at a delay says', () => {
  const of = { alias: 'db', behind: 'db.direct', addresses: ['10.0.0.2'] }
  it('is the time by each name', () => {
    const text = 'db 10.0.0.2 100.000000  100.052345  0\ndb.direct 10.0.0.3 101.000000  101.001000  0\n'
    expect(parseDelay(text, of)).toEqual({
      alias: 'db',
      leadsTo: ['10.0.0.2'],
      relay: ['10.0.0.2'],
      throughMs: 52.3,
      directMs: 1,
    })
  })
  it('is nothing where a connection was cut off, or the name leads nowhere', () => {
    expect(parseDelay('db 10.0.0.2 100.0 105.0 143\n', of)).toMatchObject({ throughMs: null, directMs: null })
    expect(parseDelay('', of)).toBeNull()
  })
})

describe('several looks', () => {
  const looks = (...direct: readonly (boolean | null)[]) => direct.map((one) => ({ ...nothingSeen, direct: one }))
  it.each([
    [[true], false],
    [[true, true], false],
    [[true, true, true], true],
    [[true, false, true, false], false],
    [[true, false, true, false, false], true],
    [[null, null], true],
    [[null], false],
  ])('%j are enough: %s', (direct, enough) => {
    expect(isSettled(looks(...direct))).toBe(enough)
  })
  it.each([
    [[true, false, false, true, false], false],
    [[true, true, null, true], true],
    [[true, false], false],
    [[null, null], null],
  ])('%j say %s', (direct, expected) => {
    expect(settled(looks(...direct)).direct).toBe(expected)
  })
})

describe('what is imposed on a copy', () => {
  it('tells of the proxy in both spellings, and of what is reached without it', () => {
    const exempt = exemptOf([{ alias: 'db' }, { alias: 'api' }], ['172.20.0.0/16'])
    const variables = proxyVariables('http://proxy.matrix:3128', exempt)
    expect(Object.keys(variables).sort()).toEqual(
      ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'].sort(),
    )
    expect(variables['no_proxy']).toBe('localhost,127.0.0.1,::1,db,api,172.20.0.0/16')
    expect(variables['HTTPS_PROXY']).toBe('http://proxy.matrix:3128')
  })

  it('turns IPv6 off only where that is asked for and can be done', () => {
    const network = { egress: 'open', ipv6: 'no_address' } as const
    expect(Object.values(networkSysctls({ network, unsupported: [] }))).toEqual(['1', '1'])
    expect(networkSysctls({ network, unsupported: ['network.ipv6'] })).toEqual({})
    expect(networkSysctls({ network: { egress: 'open' }, unsupported: [] })).toEqual({})
  })
})

describe('the proxy', () => {
  it('hands over to the one behind it, but for the machine that it is tried with', () => {
    const configuration = (upstream: string | null) => proxyConfiguration({ upstream, sources: ['10.0.0.0/8'] })
    expect(configuration(null)).not.toContain('Upstream')
    expect(configuration('http://proxy.example:8080')).toContain('Upstream http proxy.example:8080\nUpstream none')
    expect(configuration('http://proxy.example')).toContain('Upstream http proxy.example:80\n')
  })
  it('serves the network of its cell and nobody else', () => {
    const lines = proxyConfiguration({ upstream: null, sources: ['172.20.0.0/16', 'fd00:1::/64'] }).split('\n')
    expect(lines.filter((line) => /^(Allow|Deny)/.test(line))).toEqual(['Allow 172.20.0.0/16', 'Allow fd00:1::/64'])
    expect(() => proxyConfiguration({ upstream: null, sources: [] })).toThrow('everybody')
  })
  it('is found on the network of its cell', () => {
    expect(isWithin('172.20.3.4', ['fd00::/64', '172.20.0.0/16'])).toBe(true)
    expect(isWithin('fd00::2', ['fd00::/64', '172.20.0.0/16'])).toBe(false)
    expect(isWithin('172.17.0.2', ['172.20.0.0/16'])).toBe(false)
  })
})
