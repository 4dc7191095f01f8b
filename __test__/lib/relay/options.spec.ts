import { inspect } from 'node:util'
import test from 'ava'
import type { RelayOptions } from '../../../lib/options/declarations.ts'
import { offloads } from '../../../lib/check/offload.ts'
import { checkOptions } from '../../../lib/relay/options.ts'

const LEAST = { addresses: ['10.0.0.1/24'], sendPort: 5001, receivePort: 5002 }

/** Options of which a compiler would refuse one. */
const withOption = (option: Record<string, unknown>) =>
  ({ ...LEAST, ...option }) as unknown as RelayOptions

test('the least that is needed, and its defaults', (t) => {
  t.deepEqual(checkOptions(LEAST), {
    native: LEAST,
    peer: '127.0.0.1',
    family: undefined,
    signal: undefined,
  })
})

test('everything', (t) => {
  const options: RelayOptions = {
    addresses: ['10.0.0.1', 'fd00::1'],
    sendPort: 1,
    receivePort: 0,
    name: 'vpn%d',
    mtu: 1400,
    routes: ['10.1.0.0/16', 'fd01::/16'],
    peer: 'vpn.example',
    listen: '::',
    accept: 'any',
    allowedPrefixes: ['10.9.0.0/24', '10.1.2.3', 'fd09::/64', '::/0'],
    keepaliveSeconds: 25,
    netns: 'blue',
    offload: ['tso', 'gro', 'coalesce'],
    sourcePorts: 'auto',
    queues: 'auto',
    signal: new AbortController().signal,
  }
  const { native, peer, signal } = checkOptions(options)
  // Text is passed unchanged: the native layer interprets it, and 'auto' is its default.
  t.deepEqual(native, {
    addresses: ['10.0.0.1', 'fd00::1'],
    sendPort: 1,
    receivePort: 0,
    name: 'vpn%d',
    mtu: 1400,
    routes: ['10.1.0.0/16', 'fd01::/16'],
    listen: '::',
    accept: 'any',
    allowedPrefixes: ['10.9.0.0/24', '10.1.2.3', 'fd09::/64', '::/0'],
    keepaliveSeconds: 25,
    netns: 'blue',
    offload: { tso: true, uso: false, gso: false, gro: true, coalesce: true },
    sourcePorts: 0,
  })
  t.is(peer, 'vpn.example')
  t.is(signal, options.signal)
})

test('the mode tap needs no address', (t) => {
  const { native } = checkOptions({ ...LEAST, addresses: [], mode: 'tap' })
  t.deepEqual([native.addresses, native.mode], [[], 'tap'])
  const expected = { code: 'ERR_TUN_INVALID_ARGUMENT', message: /at least one ADDRESS/u }
  t.throws(() => checkOptions({ ...LEAST, addresses: [], mode: 'tun' }), expected)
})

test('undefined is as good as absent', (t) => {
  const absent = [
    'name',
    'mtu',
    'routes',
    'peer',
    'family',
    'listen',
    'accept',
    'allowedPrefixes',
    'keepaliveSeconds',
    'netns',
    'offload',
    'sourcePorts',
    'queues',
    'signal',
  ]
  const options = withOption(Object.fromEntries(absent.map((name) => [name, undefined])))
  t.deepEqual(checkOptions(options), checkOptions(LEAST))
})

const accepted: Record<string, unknown[]> = {
  sendPort: [1, 65_535],
  receivePort: [0, 65_535],
  name: ['a', 'fifteen-bytes-x', 'tun%d', '%d', 'é', '...', 'a.1@b'],
  mtu: [68, 576, 1280, 65_535],
  peer: [
    '127.0.0.1',
    '::1',
    'fe80::1%eth0',
    'fe80::1%2',
    'fe80::1%br_lan',
    'fe80::1%a.b',
    'fe80::1%wg-0',
    'fe80::1%é',
    'fe80::1%a%b',
    'localhost',
    'a.example.',
    'under_score.example',
    'x1',
    '1x',
    'xn--bcher-kva.example',
    '3com.example',
  ],
  listen: ['0.0.0.0', '::', '10.0.0.1', 'fe80::1'],
  family: [4, 6],
  accept: ['peer', 'any'],
  allowedPrefixes: [[], ['10.9.0.0/24'], ['10.9.0.1', 'fd09::1', '0.0.0.0/0', '::/0']],
  keepaliveSeconds: [0, 1, 25, 65_535],
  offload: ['auto', false, [], ['tso', 'uso', 'gso', 'gro', 'coalesce']],
  sourcePorts: [1, 64, 'auto'],
  queues: [1, 256, 'auto'],
  dscp: [0, 63, 'inherit'],
  ecn: ['copy', 'off'],
  fwmark: [0, 1, 51_820, 4_294_967_295],
  bindDevice: ['eth0', 'a', 'fifteen-bytes-x', 'br_lan.7', 'é', '%d'],
  netns: ['blue', '/run/netns/blue', './ns', 1, 4_194_304, '1', '12a', '-x'],
}

for (const [name, values] of Object.entries(accepted)) {
  for (const value of values) {
    test(`${name} ${inspect(value)} is taken`, (t) => {
      t.notThrows(() => checkOptions(withOption({ [name]: value })))
    })
  }
}

const NAME =
  'at most 15 bytes without "/", ":" and blanks, not "." or "..", with at most one "%", and that as "%d"'
const HOST = 'an IPv4 address, an IPv6 address or a host name'
const NAMESPACE = 'a name from `ip netns list`, a path, or a process id from 1 to 4194304'

const refused: [string, unknown[], string][] = [
  ['addresses', ['10.0.0.1', undefined, null, { 0: 'x' }], 'an array of strings'],
  ['addresses', [[]], 'at least one ADDRESS[/PREFIX]'],
  ['mode', ['TAP', '', 1, null], '"tun" or "tap"'],
  ['routes', ['10.0.0.0/8', {}, 7], 'an array of strings'],
  [
    'sendPort',
    [0, -1, 65_536, 1.5, Number.NaN, '5001', undefined, null],
    'a whole number from 1 to 65535',
  ],
  [
    'receivePort',
    [-1, 65_536, 0.5, '', undefined, Number.POSITIVE_INFINITY],
    'a whole number from 0 to 65535',
  ],
  ['mtu', [0, 67, 65_536, 1500.5, '1500', null], 'a whole number of bytes from 68 to 65535'],
  [
    'name',
    [
      '',
      '.',
      '..',
      'a/b',
      'a:b',
      'a b',
      'a\tb',
      'a\0',
      'sixteen-bytes-xx',
      'ééééé ééé',
      'à',
      '%',
      '%s',
      '%d%d',
      'a%',
      7,
      null,
    ],
    NAME,
  ],
  [
    'peer',
    [
      '',
      ' ',
      '10.1',
      '1',
      '0x7f.1',
      '0x7f000001',
      '127.0.0.1 ',
      '10.0.0.256',
      'a..b',
      '-a',
      'a-',
      'a b',
      'fe80::g',
      'x'.repeat(64),
      7,
      'a/b',
      '[::1]',
      'a:1',
      '.',
      '010.0.0.1',
      'fe80::1%',
      'fe80::1%a/b',
      'fe80::1%a b',
      'fe80::1%sixteen-bytes-xx',
      '192.0.2.1%eth0',
    ],
    HOST,
  ],
  [
    'peer',
    ['2001:db8::1%eth0'],
    '2001:db8::1 without an interface, which only a link-local address has',
  ],
  [
    'peer',
    ['::ffff:192.0.2.1%eth0'],
    '::ffff:192.0.2.1 without an interface, which only a link-local address has',
  ],
  ['peer', ['::ffff:0.0.0.0'], 'the address of one host, not an unspecified one'],
  ['peer', ['::ffff:224.0.0.1'], 'the address of one host, not a multicast one'],
  ['family', [0, 5, '4', null], '4 or 6'],
  ['peer', ['fe80::1'], 'a link-local address with its interface, such as fe80::1%eth0'],
  ['peer', ['0.0.0.0', '::'], 'the address of one host, not an unspecified one'],
  ['peer', ['224.0.0.1', 'ff02::1%eth0'], 'the address of one host, not a multicast one'],
  ['peer', ['255.255.255.255'], 'the address of one host, not a broadcast one'],
  [
    'listen',
    ['', 'localhost', '10.1', '224.0.0.1', '255.255.255.255', '1.2.3.4/8', 'fe80::1%eth0', 7],
    'an IPv4 or IPv6 address of this machine, without a zone, or the wildcard 0.0.0.0 or ::',
  ],
  ['accept', ['all', '', null, true], '"peer" or "any"'],
  ['allowedPrefixes', ['10.9.0.0/24', {}, null, 7], 'an array of strings'],
  ['keepaliveSeconds', [-1, 65_536, 0.5, '25', null, true], 'a whole number from 0 to 65535'],
  ['dscp', [-1, 64, 1.5, '10', '', null, true], 'a whole number from 0 to 63, or "inherit"'],
  ['ecn', ['on', '', null, true], '"copy" or "off"'],
  [
    'fwmark',
    [-1, 4_294_967_296, 1.5, '51820', '0x33', Number.NaN, null, true],
    'a whole number from 0 to 4294967295',
  ],
  [
    'bindDevice',
    ['', '.', '..', 'a/b', 'a:b', 'a b', 'a\0', 'sixteen-bytes-xx', 'à', 7, null],
    'the name of an existing interface: at most 15 bytes without "/", ":" and blanks, not "." or ".."',
  ],
  ['sourcePorts', [0, -1, 65, 1.5, '2', null, true], 'a whole number from 1 to 64, or "auto"'],
  ['queues', [0, -1, 257, 1.5, '2', null, true], 'a whole number from 1 to 256, or "auto"'],
  [
    'offload',
    ['all', '', null, true, 'tso'],
    '"auto", false or a list of "tso", "uso", "gso", "gro", "coalesce"',
  ],
  ['netns', ['', '.', '..', 'a\0b', 0, -1, 1.5, 4_194_305, '0', '4194305', null, {}], NAMESPACE],
  ['signal', [{}, null, 'x'], 'an AbortSignal'],
]

for (const [name, values, expected] of refused) {
  for (const value of values) {
    test(`${name} ${inspect(value)} is refused: ${expected}`, (t) => {
      const error = t.throws(() => checkOptions(withOption({ [name]: value })), {
        code: /^(name|bindDevice)$/u.test(name)
          ? 'ERR_TUN_INVALID_NAME'
          : 'ERR_TUN_INVALID_ARGUMENT',
      })
      t.regex(error.message, new RegExp(`^Invalid ${name === 'mtu' ? 'MTU' : name} `, 'u'))
      t.true(error.message.endsWith(`: expected ${expected}`), error.message)
    })
  }
}

test('gro of the command line is both offloads of what is received', (t) => {
  const parse = (text: string) => offloads.spelling?.parse(text)
  t.deepEqual(parse('tso,gro'), ['tso', 'gro', 'coalesce'])
  t.deepEqual(parse('uso,gso'), ['uso', 'gso'])
  t.is(parse('coalesce'), undefined)
})

test('options that are no object are refused', (t) => {
  for (const options of [undefined, null, 7]) {
    t.throws(() => checkOptions(options as unknown as RelayOptions), {
      message: `Invalid options ${String(options)}: expected an object`,
    })
  }
})

test('an address in a list that is none is named', (t) => {
  t.throws(() => checkOptions(withOption({ addresses: ['10.0.0.1', '10.1'] })), {
    message: /^Invalid address "10\.1"/u,
  })
  t.throws(() => checkOptions(withOption({ addresses: [7] })), { message: /^Invalid address 7/u })
  t.throws(() => checkOptions(withOption({ routes: [null] })), { message: /^Invalid route null/u })
})

test('an IPv4-mapped address is that of IPv4, wherever an address is taken', (t) => {
  const { native, peer } = checkOptions({
    addresses: ['::ffff:10.9.0.1', '::ffff:10.8.0.1/120', 'fd00::1/64'],
    routes: ['::ffff:10.7.0.0/112', '::ffff:0:0/96'],
    peer: '::ffff:192.0.2.2',
    listen: '::ffff:0.0.0.0',
    sendPort: 1,
    receivePort: 2,
  })
  t.is(peer, '192.0.2.2')
  t.is(native.listen, '0.0.0.0')
  t.deepEqual(native.addresses, ['10.9.0.1/32', '10.8.0.1/24', 'fd00::1/64'])
  t.deepEqual(native.routes, ['10.7.0.0/16', '0.0.0.0/0'])
  const endpoint = { address: '::ffff:c000:202', port: 1 }
  const ends = {
    addresses: ['10.9.0.1'],
    peers: [{ endpoint }],
    listen: { address: '::ffff:10.0.0.1' },
  }
  const general = checkOptions(ends)
  t.deepEqual([general.peer, general.native.listen], ['192.0.2.2', '10.0.0.1'])
})

for (const addresses of [
  ['::ffff:0.0.0.0'],
  ['::ffff:224.0.0.1/128'],
  ['::ffff:255.255.255.255'],
]) {
  test(`an interface cannot have ${addresses[0]}`, (t) => {
    t.throws(() => checkOptions(withOption({ addresses })), { code: 'ERR_TUN_INVALID_ARGUMENT' })
  })
}
