import test from 'ava'
import type { PeerState } from '../../../index.ts'
import { formatColumns, printable, wrapProblem } from '../../../bin/tun2udp/control/columns.ts'
import type { Snapshot } from '../../../bin/tun2udp/control/snapshot.ts'
import { formatSnapshot } from '../../../bin/tun2udp/control/view.ts'
import { VERSION } from '../../../lib/native/version.ts'
import { COUNTERS } from '../../../lib/relay/counters.ts'
import { FAKE_STATS } from '../../support/fakeBinding.ts'

const SINGLE: PeerState = {
  name: '192.0.2.2:5001',
  endpoint: { address: '192.0.2.2', port: 5001 },
  allowedPrefixes: ['0.0.0.0/0', '::/0'],
  keepaliveSeconds: 0,
  followPort: false,
}

const SNAPSHOT: Snapshot = {
  version: VERSION,
  pid: 4321,
  uptimeMs: 61_000,
  info: {
    mode: 'tun',
    interface: { name: 'vpn0', ifIndex: 7, mtu: 1500, addresses: ['10.9.0.1/24'] },
    local: { address: '192.0.2.1', port: 5001 },
    peer: { address: '192.0.2.2', port: 5001 },
    buffers: { receiveBytes: 425_984, sendBytes: 212_992 },
    queues: 1,
    sourcePorts: 2,
  },
  stats: {
    ...FAKE_STATS,
    pathMtu: { outside: 1400, inside: 1372, source: 'router', router: '192.0.2.254' },
    outbound: {
      ...FAKE_STATS.outbound,
      datagramsSent: 1200,
      bytesSent: 1_500_000,
      refusedByPeer: 0,
      unreachableReports: 0,
      pathMtuReports: 0,
      readErrors: 4,
      sourcesLost: 0,
      repliesWritten: 0,
      repliesDropped: 0,
      dropped: { ...zeros(FAKE_STATS.outbound.dropped), noPeer: 1234, looped: 2 },
    },
    inbound: {
      ...FAKE_STATS.inbound,
      datagramsReceived: 10,
      bytesReceived: 999,
      receiveErrors: 0,
      dropped: zeros(FAKE_STATS.inbound.dropped),
    },
  },
  peers: [SINGLE],
  interface: {
    name: 'vpn0',
    isUp: true,
    operState: 'unknown',
    mtu: 1400,
    txQueueLength: 500,
    carrierChanges: 1,
    txDropped: 3,
    rxDropped: 0,
  },
  problems: [],
}

function zeros<T extends object>(counters: T): T {
  return Object.fromEntries(Object.keys(counters).map((name) => [name, 0])) as T
}

test('a relay with one peer has its facts, and the counters of the relay in the row of the peer', (t) => {
  const before: Snapshot = {
    ...SNAPSHOT,
    uptimeMs: 60_000,
    stats: {
      ...SNAPSHOT.stats,
      outbound: { ...SNAPSHOT.stats.outbound, bytesSent: 1_375_000 },
    },
  }
  t.deepEqual(formatSnapshot({ now: SNAPSHOT, before }), [
    'vpn0: 10.9.0.1/24, up, mtu 1400, pid 4321, running for 1 min 1 s',
    '  socket     UDP 192.0.2.1:5001, 1 queue, 2 source ports, buffers 426 kB in, 213 kB out',
    '  offloads   tso, gso, coalesce',
    '  queue      500 packets, 3 dropped because it was full',
    '  path MTU   1400 outside, 1372 inside, reported by 192.0.2.254',
    '  out drops  no peer 1,234, looped 2',
    '  out other  missed 25, failed reads 4',
    '',
    '  PEER            ENDPOINT        PREFIXES     OUT                       IN                         DROPPED',
    '  192.0.2.2:5001  192.0.2.2:5001  0.0.0.0/0  1,200  1.5 MB  1.00 Mbit/s  10  999 byte     0 bit/s     1,236',
    '                                  ::/0',
  ])
})

test('several peers have rows, and the relay has one', (t) => {
  const traffic = {
    datagramsSent: 5,
    bytesSent: 500,
    outboundDropped: 1,
    datagramsReceived: 7,
    bytesReceived: 700,
    inboundDropped: 2,
    foreignPrefix: 2,
  }
  const peers: PeerState[] = [
    { ...SINGLE, name: 'b', allowedPrefixes: ['10.9.0.2/32'], traffic, isUp: false },
    {
      ...SINGLE,
      name: 'c',
      allowedPrefixes: Array.from({ length: 9 }, (_, index) => `10.${index}.0.0/16`),
      pathMtu: { outside: 1300, inside: 1272, source: 'route' },
      traffic: { ...traffic, silentForMillis: 1500 },
    },
  ]
  const lines = formatSnapshot({ now: { ...SNAPSHOT, peers } })
  const [titles = '', b = '', c = '', second, third, fourth, more, all = ''] = lines.slice(-8)
  t.deepEqual(titles.trim().split(/ {2,}/u), [
    'PEER',
    'ENDPOINT',
    'PREFIXES',
    'LAST HEARD',
    'OUT',
    'IN',
    'DROPPED',
    'PATH MTU',
  ])
  t.deepEqual(b.trim().split(/ {2,}/u), [
    'b',
    '192.0.2.2:5001',
    '10.9.0.2/32',
    'never, down',
    '5',
    '500 byte',
    '7',
    '700 byte',
    '3',
  ])
  t.deepEqual(c.trim().split(/ {2,}/u), [
    'c',
    '192.0.2.2:5001',
    '10.0.0.0/16',
    '1.5 s ago',
    '5',
    '500 byte',
    '7',
    '700 byte',
    '3',
    '1272',
  ])
  t.deepEqual(
    [second, third, fourth, more].map((line) => line?.trim()),
    ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', 'and 5 more'],
  )
  t.deepEqual(all.trim().split(/ {2,}/u), ['all', '1,200', '1.5 MB', '10', '999 byte', '1,236'])
})

test('every counter with words appears, and every cause of drops', (t) => {
  for (const { direction, name, isDrop, words } of COUNTERS) {
    const counters = SNAPSHOT.stats[direction]
    const changed = isDrop
      ? { ...counters, dropped: { ...counters.dropped, [name]: 4_711_001 } }
      : { ...counters, [name]: 4_711_001 }
    const now = { ...SNAPSHOT, stats: { ...SNAPSHOT.stats, [direction]: changed } }
    const text = formatSnapshot({ now }).join('\n')
    if (isDrop || words !== undefined) t.true(text.includes(`${words ?? name} 4,711,001`), name)
  }
})

test('problems, another version and a state that is not known are shown', (t) => {
  const { interface: facts, ...unknown } = SNAPSHOT
  t.truthy(facts)
  const lines = formatSnapshot({
    now: { ...unknown, version: '0.0.9', problems: ['The interface is down.', 'Nothing comes.'] },
  })
  t.is(lines[0], 'vpn0: 10.9.0.1/24, mtu 1500, pid 4321, version 0.0.9, running for 1 min 1 s')
  t.deepEqual(lines.slice(-3), [
    '',
    '  problem: The interface is down.',
    '  problem: Nothing comes.',
  ])
  t.true(
    formatSnapshot({
      now: { ...SNAPSHOT, interface: { ...facts, isUp: false } as NonNullable<typeof facts> },
    })[0]?.includes(', DOWN,'),
  )
})

test('a counter that starts again at 0 has no negative rate', (t) => {
  const before: Snapshot = {
    ...SNAPSHOT,
    uptimeMs: 60_000,
    stats: { ...SNAPSHOT.stats, inbound: { ...SNAPSHOT.stats.inbound, bytesReceived: 5000 } },
  }
  t.notRegex(formatSnapshot({ now: SNAPSHOT, before }).join('\n'), /-\d/u)
})

test('texts of another process cannot control the terminal', (t) => {
  const name = 'x\u001B[2J\u009B1m\u202E'
  const lines = formatSnapshot({ now: { ...SNAPSHOT, peers: [{ ...SINGLE, name }] } })
  t.true(lines.join('\n').includes('x?[2J?1m?'))
  t.is(printable('a\tb\u2028é'), 'a?b?é')
})

test('columns that are empty are left out, and lists are below each other', (t) => {
  const rows = [
    { list: ['1', '22'], number: '7' },
    { list: [], number: '10' },
  ]
  t.deepEqual(
    formatColumns(
      [
        { title: 'EMPTY', text: () => '' },
        { title: 'N', isNumber: true, text: ({ number }) => number },
        { title: 'LIST', text: ({ list }) => list },
      ],
      rows,
    ),
    [' N  LIST', ' 7  1', '    22', '10'],
  )
})

test('a problem is wrapped to the width of a terminal, without loss of words', (t) => {
  const line = `  problem: ${'The interface tun0 is down. '.repeat(6)}Bring it up.`
  const wrapped = wrapProblem(line, 60)
  t.true(wrapped.length > 3)
  t.true(wrapped.every((one) => one.length <= 60))
  t.true(wrapped.slice(1).every((one) => /^ {11}\S/u.test(one)))
  t.is(wrapped.map((one) => one.trim()).join(' '), line.trim())
  t.deepEqual(wrapProblem(`  queue ${'x'.repeat(90)}`, 60), [`  queue ${'x'.repeat(90)}`])
})
