import test from 'ava'
import fc from 'fast-check'
import { RateLines, formatRate, wantsColor } from '../../bin/tun2udp/rates.ts'
import type { PeerState, RelayStats } from '../../index.ts'
import { COUNTERS } from '../../lib/relay/counters.ts'
import { FAKE_STATS } from '../support/fakeBinding.ts'

type Peers = readonly Pick<PeerState, 'isUp'>[]

/** Returns counters that are 0 except for those given, such as `outbound.noBuffers`. */
function counters(values: Readonly<Record<string, number>>, more: Partial<RelayStats> = {}) {
  const { offload } = FAKE_STATS
  const stats = {
    offload,
    outbound: { dropped: {} },
    inbound: { dropped: {} },
  } as unknown as Record<
    'outbound' | 'inbound',
    Record<string, unknown> & { dropped: Record<string, number> }
  >
  for (const { direction, name, isDrop } of COUNTERS) {
    const target = isDrop ? stats[direction].dropped : stats[direction]
    target[name] = values[`${direction}.${name}`] ?? 0
  }
  return { ...stats, ...more } as unknown as RelayStats
}

/** Returns the line of an interval of `seconds`, in which the counters grew by `values`. */
function line(
  values: Readonly<Record<string, number>>,
  {
    more = {},
    peers = [],
    seconds = 1,
    color = false,
  }: { more?: Partial<RelayStats>; peers?: Peers; seconds?: number; color?: boolean } = {},
): string {
  const lines = new RateLines(color)
  lines.start(counters({}), 500)
  return lines.next(counters(values, more), peers, 500 + seconds * 1000)
}

const REPORTED = { outside: 1400, inside: 1372, source: 'router' } as const

const examples: [name: string, actual: string, expected: string][] = [
  [
    'nothing moves',
    line({}),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop    0 /s',
  ],
  [
    'a slow tunnel',
    line({
      'outbound.packetsRead': 3,
      'outbound.bytesRead': 252,
      'inbound.datagramsReceived': 1,
      'inbound.bytesReceived': 84,
    }),
    'stats: out 3.00 p/s  2.02 kbit/s  in 1.00 p/s   672 bit/s   drop    0 /s',
  ],
  [
    'a fast tunnel, in two seconds',
    line(
      {
        'outbound.packetsRead': 2_469_136,
        'outbound.bytesRead': 3_456_790_400,
        'inbound.datagramsReceived': 19_998,
        'inbound.bytesReceived': 1_999_800,
      },
      { seconds: 2 },
    ),
    'stats: out 1.23 Mp/s 13.8 Gbit/s  in 10.0 kp/s 8.00 Mbit/s  drop    0 /s',
  ],
  [
    'drops, with the biggest cause of both directions',
    line({
      'outbound.packetsRead': 1000,
      'outbound.bytesRead': 1e6,
      'outbound.unreachable': 900,
      'inbound.foreignSource': 99,
    }),
    'stats: out 1.00 kp/s 8.00 Mbit/s  in    0 p/s     0 bit/s   drop  999 /s  peer unreachable',
  ],
  [
    'a cause that both directions have',
    line({ 'inbound.noBuffers': 5 }),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop 5.00 /s  no buffers in',
  ],
  [
    'packets that the interface dropped',
    line({ 'outbound.packetsMissed': 1500 }),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop 1.50 k/s missed',
  ],
  [
    'peers that are down, and the path MTU',
    line({}, { peers: [{ isUp: true }, { isUp: false }, {}], more: { pathMtu: REPORTED } }),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop    0 /s  1/3 up, mtu 1372',
  ],
  [
    'a single peer that is down',
    line({}, { peers: [{ isUp: false }] }),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop    0 /s  peer down',
  ],
  [
    'peers that are up, and an MTU of the start, do not matter',
    line(
      {},
      {
        peers: [{ isUp: true }, { isUp: true }],
        more: { pathMtu: { ...REPORTED, source: 'start' } },
      },
    ),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop    0 /s',
  ],
  [
    'remarks that do not fit are left out',
    line(
      { 'outbound.unreachable': 5 },
      { peers: [{ isUp: false }, ...Array<object>(9_999).fill({})], more: { pathMtu: REPORTED } },
    ),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   drop 5.00 /s  peer unreachable, mtu 1372',
  ],
  [
    'colors',
    line({ 'outbound.unreachable': 5 }, { color: true, more: { pathMtu: REPORTED } }),
    'stats: out    0 p/s     0 bit/s   in    0 p/s     0 bit/s   \u001B[31mdrop 5.00 /s \u001B[0m \u001B[31mpeer unreachable\u001B[0m, \u001B[33mmtu 1372\u001B[0m',
  ],
]

for (const [name, actual, expected] of examples) {
  test(`a line of rates: ${name}`, (t) => {
    t.is(actual, expected)
  })
}

const rates: [number, string][] = [
  [0, '   0 p/s '],
  [-1, '   0 p/s '],
  [Number.NaN, '   0 p/s '],
  [1e-9, '0.01 p/s '],
  [0.5, '0.50 p/s '],
  [9.994, '9.99 p/s '],
  [9.996, '10.0 p/s '],
  [99.96, ' 100 p/s '],
  [999, ' 999 p/s '],
  [999.4, ' 999 p/s '],
  [999.6, '1.00 kp/s'],
  [1234, '1.23 kp/s'],
  [999_600, '1.00 Mp/s'],
  [1e9, '1.00 Gp/s'],
  [1e12, '1.00 Tp/s'],
  [1e15, '1.00 Pp/s'],
  [1e18, '1.00 Ep/s'],
  [8e19, '80.0 Ep/s'],
  [1e300, ' 999 Qp/s'],
  [Infinity, ' 999 Qp/s'],
]

for (const [rate, text] of rates) {
  test(`a rate of ${rate} is ${text.trim()}`, (t) => {
    t.is(formatRate(rate, 'p/s'), text)
  })
}

test('the rates of a line are those since the line before it', (t) => {
  const lines = new RateLines(false)
  lines.start(counters({ 'outbound.packetsRead': 100 }), 0)
  const next = (packets: number, at: number) =>
    /out (.*?p\/s)/u.exec(lines.next(counters({ 'outbound.packetsRead': packets }), [], at))?.[1]
  t.is(next(150, 1000), '50.0 p/s')
  t.is(next(150, 2000), '   0 p/s')
  t.is(next(250, 2500), ' 200 p/s')
  t.is(next(250, 2500), '   0 p/s', 'without time there is no rate')
})

const amount = fc.oneof(
  fc.double({ min: 0, max: 1e18, noNaN: true }),
  fc.maxSafeNat(),
  fc.nat(2000),
)
const anyLine = fc.record({
  values: fc.dictionary(
    fc.constantFrom(...COUNTERS.map(({ direction, name }) => `${direction}.${name}`)),
    amount,
  ),
  seconds: fc.constantFrom(0.1, 0.999, 1, 60, 86_400),
  peers: fc.array(fc.record({ isUp: fc.boolean() }), { maxLength: 12 }),
  mtu: fc.option(fc.integer({ min: 0, max: 65_535 })),
})

/** The columns of a line, up to its remarks. */
const COLUMNS =
  /^stats: out [ \d.]{4} .{4} [ \d.]{4} .{6} {2}in [ \d.]{4} .{4} [ \d.]{4} .{6} {2}drop [ \d.]{4} (?:.{3}|\/s)(?: |$)/u

test('every line fits 100 columns, and its columns are at the same places', (t) => {
  fc.assert(
    fc.property(anyLine, ({ values, seconds, peers, mtu }) => {
      const more =
        mtu === null ? {} : { pathMtu: { outside: mtu, inside: mtu, source: 'route' } as const }
      const text = line(values, { seconds, peers, more })
      t.true(text.length <= 100, text)
      t.regex(text, COLUMNS)
      t.false(text.includes('\n'))
      const colored = line(values, { seconds, peers, more, color: true })
      // eslint-disable-next-line no-control-regex -- the sequences are the subject
      const plain = colored.replaceAll(/\u001B\[\d+m/gu, '')
      t.is(plain.trimEnd(), text)
    }),
  )
})

test('colors are for terminals that have them, unless NO_COLOR has a value', (t) => {
  t.true(wantsColor({}, true))
  t.true(wantsColor({ NO_COLOR: '' }, true))
  t.false(wantsColor({ NO_COLOR: '1' }, true))
  t.false(wantsColor({ TERM: 'dumb' }, true))
  t.false(wantsColor({}, false))
})
