import test from 'ava'
import { parseAddress, parseRoute } from '../../../lib/check/address.ts'

const good: [string, string, number, 4 | 6][] = [
  ['10.0.0.1', '10.0.0.1', 32, 4],
  ['10.0.0.1/24', '10.0.0.1', 24, 4],
  ['10.0.0.1/0', '10.0.0.1', 0, 4],
  ['10.0.0.1/32', '10.0.0.1', 32, 4],
  ['192.168.255.255/16', '192.168.255.255', 16, 4],
  ['fd00::1', 'fd00::1', 128, 6],
  ['fd00::1/64', 'fd00::1', 64, 6],
  ['FD00:0:0:0:0:0:0:1/0', 'FD00:0:0:0:0:0:0:1', 0, 6],
  ['fe80::1/10', 'fe80::1', 10, 6],
  ['::ffff:10.0.0.1/128', '::ffff:10.0.0.1', 128, 6],
]

for (const [text, address, prefixLength, family] of good) {
  test(`address ${text}`, (t) => {
    t.deepEqual(parseAddress(text), { address, prefixLength, family })
  })
}

const bad = [
  '',
  '/',
  '/24',
  '10',
  '10.1',
  '10.0.1',
  '10.0.0.0.1',
  '10.0.0.256',
  '010.0.0.1',
  '10.0.0.01',
  '0x0a.0.0.1',
  '167772161',
  ' 10.0.0.1',
  '10.0.0.1 ',
  '10.0.0.1\n',
  '10.0.0.1/',
  '10.0.0.1/33',
  '10.0.0.1/-1',
  '10.0.0.1/+8',
  '10.0.0.1/08',
  '10.0.0.1/0x8',
  '10.0.0.1/ 8',
  '10.0.0.1/8 ',
  '10.0.0.1/8/8',
  '10.0.0.1/255.0.0.0',
  '10.0.0.1/1e1',
  'fd00::1/129',
  'fd00::1/064',
  'fd00:::1',
  'fd00::1::2',
  'fd00::g',
  '[fd00::1]',
  'fe80::1%eth0',
  'fe80::1%eth0/64',
  '1:2:3:4:5:6:7',
  '::ffff:010.0.0.1',
  'localhost',
  '10.0.0.1\0',
  '１０.0.0.1',
]

for (const text of bad) {
  test(`no address: ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseAddress(text), {
      code: 'ERR_TUN_INVALID_ARGUMENT',
      message: `Invalid address ${JSON.stringify(text)}: expected ADDRESS[/PREFIX], such as 10.0.0.1/24 or fd00::1/64`,
    })
    t.throws(() => parseRoute(text), { code: 'ERR_TUN_INVALID_ARGUMENT' })
  })
}

const unfit: [string, string][] = [
  ['0.0.0.0', 'unspecified'],
  ['255.255.255.255', 'broadcast'],
  ['224.0.0.1/24', 'multicast'],
  ['::/64', 'unspecified'],
  ['ff02::1/64', 'multicast'],
]

for (const [text, range] of unfit) {
  test(`no interface can have ${text}`, (t) => {
    t.throws(() => parseAddress(text), {
      message: `Invalid address "${text}": expected one that an interface can have, not ${range === 'unspecified' ? 'an' : 'a'} ${range} one`,
    })
  })
}

test('an address that is no text is refused', (t) => {
  t.throws(() => parseAddress(10 as unknown as string), {
    message: /^Invalid address 10: expected/u,
  })
})

test('routes are networks', (t) => {
  t.deepEqual(parseRoute('10.1.0.0/16'), { address: '10.1.0.0', prefixLength: 16, family: 4 })
  t.deepEqual(parseRoute('0.0.0.0/0'), { address: '0.0.0.0', prefixLength: 0, family: 4 })
  t.deepEqual(parseRoute('10.1.2.3'), { address: '10.1.2.3', prefixLength: 32, family: 4 })
  t.deepEqual(parseRoute('FD00::/8'), { address: 'FD00::', prefixLength: 8, family: 6 })
  t.deepEqual(parseRoute('::/0'), { address: '::', prefixLength: 0, family: 6 })
})

test('a route with host bits is refused with what was meant', (t) => {
  t.throws(() => parseRoute('10.1.2.3/16'), {
    message: 'Invalid route "10.1.2.3/16": expected a network without host bits: 10.1.0.0/16',
  })
  t.throws(() => parseRoute('fd00:1::1/32'), {
    message: 'Invalid route "fd00:1::1/32": expected a network without host bits: fd00:1::/32',
  })
  t.throws(() => parseRoute('default'), {
    message: 'Invalid route "default": expected NETWORK[/PREFIX], such as 10.1.0.0/16 or fd00::/8',
  })
})
