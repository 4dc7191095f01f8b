import test from 'ava'
import { checkOptions } from '../../../lib/relay/options.ts'
import { compare } from '../../../lib/relay/peers/changes.ts'
import { checkPeers } from '../../../lib/relay/peers/options.ts'

const LEAST = { addresses: ['10.9.0.1/24'], receivePort: 5001 }
const B = { name: 'b', endpoint: 'b.example:5001', allowedPrefixes: ['10.9.0.2/32'] }
const C = { name: 'c', endpoint: '192.0.2.3:5001', allowedPrefixes: ['10.9.0.3/32'] }

/** Returns the peers that the options describe, and whether packets are routed to them. */
function check(...peers: unknown[]) {
  const { several } = checkOptions({ ...LEAST, peers })
  return several
}

test('an endpoint is text or both parts, and several are in an array', (t) => {
  const endpoints = (endpoint: unknown) => check({ endpoint })?.peers[0]?.endpoints
  t.deepEqual(endpoints('b.example:5001'), [{ address: 'b.example', port: 5001 }])
  t.deepEqual(endpoints('192.0.2.7:1'), [{ address: '192.0.2.7', port: 1 }])
  t.deepEqual(endpoints('[2001:db8::1]:65535'), [{ address: '2001:db8::1', port: 65_535 }])
  t.deepEqual(endpoints('[fe80::1%eth0]:5001'), [{ address: 'fe80::1%eth0', port: 5001 }])
  t.deepEqual(endpoints('[::ffff:192.0.2.7]:5001'), [{ address: '192.0.2.7', port: 5001 }])
  t.deepEqual(endpoints({ address: '::1', port: 5 }), [{ address: '::1', port: 5 }])
  t.deepEqual(endpoints(['b.example:5001', { address: '::1', port: 5 }]), [
    { address: 'b.example', port: 5001 },
    { address: '::1', port: 5 },
  ])
})

test('the name is the text of the first endpoint unless it is given', (t) => {
  const names = (...peers: object[]) => check(...peers)?.peers.map(({ name }) => name)
  t.deepEqual(names({ endpoint: '[2001:db8::1]:5001' }), ['[2001:db8::1]:5001'])
  t.deepEqual(names({ endpoint: { address: 'b.example', port: 5001 } }), ['b.example:5001'])
  t.deepEqual(names(B, { ...C, name: undefined }), ['b', '192.0.2.3:5001'])
})

test('networks have their canonical form', (t) => {
  const allowedPrefixes = ['10.0.0.0/8', '192.0.2.1', 'FD09:0::/64', '::ffff:10.1.0.0/112', '::/0']
  t.deepEqual(check({ ...B, allowedPrefixes })?.peers[0]?.allowedPrefixes, [
    '10.0.0.0/8',
    '192.0.2.1/32',
    'fd09::/64',
    '10.1.0.0/16',
    '::/0',
  ])
})

test('a single peer with only an endpoint gets every packet, others are routed to', (t) => {
  t.false(check({ endpoint: 'b.example:5001' })?.isMany)
  t.false(check({ endpoint: 'b.example:5001', name: 'b', keepaliveSeconds: 0 })?.isMany)
  t.true(check(B)?.isMany)
  t.true(check({ ...B, allowedPrefixes: [] })?.isMany)
  t.true(check({ endpoint: ['b.example:5001', 'b.example:5002'] })?.isMany)
  t.true(check({ endpoint: 'b.example:5001', keepaliveSeconds: 25 })?.isMany)
  t.true(check({ endpoint: 'b.example:5001', followPort: true })?.isMany)
  t.true(check(B, C)?.isMany)
})

test('routes: true stands for the networks of the peers', (t) => {
  const routes = (...peers: object[]) =>
    checkOptions({ ...LEAST, peers, routes: true }).native.routes
  t.deepEqual(routes(B, C), ['10.9.0.2/32', '10.9.0.3/32'])
  const message = /^Invalid routes true: expected networks, or peers with `allowedPrefixes`$/u
  t.throws(() => routes({ endpoint: 'b.example:5001' }), { message })
  t.throws(() => checkOptions({ ...LEAST, sendPort: 1, routes: true }), { message })
})

const REFUSED: readonly [peers: unknown[], message: RegExp][] = [
  [[7], /^Invalid peers\[0\] 7: expected an object$/u],
  [[B, {}], /^Invalid peers\[1\]\.endpoint undefined: expected HOST:PORT, such as/u],
  [[{ endpoint: 'b.example' }], /^Invalid peers\[0\]\.endpoint "b\.example": expected HOST:PORT/u],
  [[{ endpoint: ':5001' }], /^Invalid peers\[0\]\.endpoint ":5001": expected HOST:PORT/u],
  [[{ endpoint: '[]:5001' }], /^Invalid peers\[0\]\.endpoint "\[\]:5001": expected HOST:PORT/u],
  [[{ endpoint: '[b.example]:1' }], /^Invalid peers\[0\]\.endpoint "\[b\.example\]:1": expected/u],
  [[{ endpoint: '2001:db8::1' }], /; put an IPv6 address in brackets$/u],
  [[{ endpoint: '2001:db8::1:5001' }], /; put an IPv6 address in brackets$/u],
  [[{ endpoint: 'b.example:0' }], /endpoint "b\.example:0": expected a port from 1 to 65535$/u],
  [[{ endpoint: 'b.example:65536' }], /expected a port from 1 to 65535$/u],
  [[{ endpoint: 'b.example:5e3' }], /expected HOST:PORT/u],
  [[{ endpoint: '10.1:5001' }], /^Invalid peers\[0\]\.endpoint "10\.1": expected an IPv4 address/u],
  [
    [{ endpoint: '224.0.0.1:1' }],
    /^Invalid peers\[0\]\.endpoint "224\.0\.0\.1": .* multicast one$/u,
  ],
  [[{ endpoint: 'x'.repeat(1e6) }], /^Invalid peers\[0\]\.endpoint "x+…": expected HOST:PORT/u],
  [[{ endpoint: [] }], /^Invalid peers\[0\]\.endpoint array: expected at least one/u],
  [[{ endpoint: ['a:1', 'b'] }], /^Invalid peers\[0\]\.endpoint\[1\] "b": expected HOST:PORT/u],
  [[{ endpoint: Array.from({ length: 17 }, (_, n) => `b:${n + 1}`) }], /at most 16 of them$/u],
  [[{ endpoint: { address: 'a' } }], /^Invalid peers\[0\]\.endpoint\.port undefined: expected/u],
  [[{ endpoint: { port: 1 } }], /^Invalid peers\[0\]\.endpoint\.address undefined: expected/u],
  [[{ endpoint: { address: 'a', prot: 1 } }], /endpoint "prot": .*; did you mean port\?$/u],
  [
    [{ ...B, allowedPrefix: [] }],
    /^Invalid property of peers\[0\] "allowedPrefix": .*did you mean/u,
  ],
  [[{ ...B, allowedPrefixes: '10.0.0.0/8' }], /^Invalid peers\[0\]\.allowedPrefixes "10.* array/u],
  [
    [B, C, { ...B, name: 'd', endpoint: 'd:1', allowedPrefixes: ['10.0.0.1/8'] }],
    /^Invalid peers\[2\]\.allowedPrefixes\[0\] "10\.0\.0\.1\/8": expected a network without host bits: 10\.0\.0\.0\/8$/u,
  ],
  [
    [{ ...B, allowedPrefixes: [7] }],
    /^Invalid peers\[0\]\.allowedPrefixes\[0\] 7: expected NETWORK/u,
  ],
  [[{ ...B, keepaliveSeconds: -1 }], /^Invalid peers\[0\]\.keepaliveSeconds -1: .* 0 to 65535$/u],
  [[{ ...B, keepaliveSeconds: '25' }], /^Invalid peers\[0\]\.keepaliveSeconds "25": expected/u],
  [
    [{ ...B, followPort: 1 }],
    /^Invalid peers\[0\]\.followPort 1: expected true, false or 'auto'$/u,
  ],
  [[{ ...B, name: '' }], /^Invalid peers\[0\]\.name "": expected text of 1 to 64 bytes/u],
  [[{ ...B, name: 'a\nb' }], /^Invalid peers\[0\]\.name "a\\nb": expected/u],
  [[{ ...B, name: ' b' }], /^Invalid peers\[0\]\.name " b": expected/u],
  [[{ ...B, name: 'é'.repeat(33) }], /^Invalid peers\[0\]\.name/u],
  [
    [B, { ...C, name: 'b' }],
    /^Invalid peers\[1\]\.name "b": .* that no other peer has; peers\[0\]/u,
  ],
  [
    [B, { ...C, endpoint: 'B.example.:5001' }],
    /^Invalid peers\[1\]\.endpoint .*; peers\[0\] has it/u,
  ],
  [
    [
      { ...B, endpoint: '[2001:db8::1]:1' },
      { ...C, endpoint: '[2001:DB8:0::1]:1' },
    ],
    /^Invalid peers\[1\]\.endpoint "2001:DB8:0::1 port 1": expected an endpoint that no other/u,
  ],
  [
    [{ ...B, endpoint: ['b:1', 'b:1'] }],
    /\.endpoint\[1\] "b port 1": .*; the same peer has it too$/u,
  ],
  [
    [B, { ...C, allowedPrefixes: ['10.9.0.3/32', '10.9.0.2'] }],
    /^Invalid peers\[1\]\.allowedPrefixes\[1\] "10\.9\.0\.2\/32": .*; peers\[0\] has it too$/u,
  ],
  [
    [B, { endpoint: 'c:1' }],
    /^Invalid peers\[1\]\.allowedPrefixes undefined: expected an array of networks, since/u,
  ],
]

for (const [number, [peers, message]] of REFUSED.entries()) {
  test(`refused (${number}): ${message.source}`, (t) => {
    t.throws(() => check(...peers), { code: 'ERR_TUN_INVALID_ARGUMENT', message })
  })
}

test('peers are compared by name, whatever their order and that of their networks', (t) => {
  const before = checkPeers('peers', [
    { ...B, allowedPrefixes: ['10.9.0.2', 'fd09::/64'] },
    C,
    { name: 'd', endpoint: 'd:1', allowedPrefixes: [] },
  ])
  const same = checkPeers('peers', [
    C,
    { name: 'd', endpoint: 'd:1', allowedPrefixes: [], followPort: 'auto', keepaliveSeconds: 0 },
    { ...B, allowedPrefixes: ['fd09::/64', '10.9.0.2/32'] },
  ])
  t.deepEqual(compare(before, same), { added: [], changed: [], removed: [] })
  const other = checkPeers('peers', [
    { ...B, endpoint: 'b.example:5002' },
    { ...C, keepaliveSeconds: 25 },
    { ...C, name: 'e', endpoint: 'e:1' },
  ])
  t.deepEqual(compare(before, other), { added: ['e'], changed: ['b', 'c'], removed: ['d'] })
})
