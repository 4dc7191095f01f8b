import test from 'ava'
import fc from 'fast-check'
import type { PeerState, RelayEvent, RelayInfo, RelayStats } from '../../../index.ts'
import { COUNTERS } from '../../../lib/relay/counters.ts'
import { type DiagnosisState, Samples, diagnose } from '../../../lib/relay/diagnosis.ts'

type Counts = Readonly<Record<string, number>>

const INFO: RelayInfo = {
  mode: 'tun',
  interface: { name: 'tun0', ifIndex: 7, mtu: 1472, addresses: ['10.9.0.1/24'] },
  local: { address: '0.0.0.0', port: 5001 },
  peer: { address: '192.0.2.2', port: 5002 },
  buffers: { receiveBytes: 1, sendBytes: 1 },
  queues: 1,
  sourcePorts: 1,
}

/** Counters that are 0 except for those given, such as `outbound.noBuffers`. */
function counters(counts: Counts): RelayStats {
  const group = (direction: string, isDrop: boolean) =>
    Object.fromEntries(
      COUNTERS.filter((one) => one.direction === direction && one.isDrop === isDrop).map(
        ({ name }) => [name, counts[`${direction}.${name}`] ?? 0],
      ),
    )
  const sides = ['outbound', 'inbound'].map((direction) => [
    direction,
    { ...group(direction, false), dropped: group(direction, true) },
  ])
  const all: unknown = { offload: {}, ...Object.fromEntries(sides) }
  return all as RelayStats
}

function state(counts: Counts, more: Partial<DiagnosisState> = {}): DiagnosisState {
  return {
    info: INFO,
    stats: counters(counts),
    uptimeMillis: 60_000,
    peers: [],
    events: [],
    interface: { name: 'tun0', isUp: true, mtu: 1472 },
    ...more,
  }
}

/** A tunnel through which packets pass in both directions. */
const FLOWING: Counts = {
  'outbound.packetsRead': 10,
  'outbound.datagramsSent': 10,
  'inbound.datagramsReceived': 10,
  'inbound.packetsWritten': 10,
}

test('a tunnel in which packets flow has no problem, and a new one neither', (t) => {
  t.deepEqual(diagnose(state(FLOWING)), [])
  t.deepEqual(diagnose(state({}, { uptimeMillis: 100 })), [])
  t.deepEqual(diagnose(state({}, { uptimeMillis: 100, interface: undefined })), [])
})

/** The counters that are no problem by themselves. */
const HARMLESS = new Set([
  ...['packetsRead', 'bytesRead', 'superPacketsRead', 'packetsSplit', 'packetsFragmented'],
  ...['datagramsSent', 'bytesSent', 'keepalivesSent', 'repliesWritten', 'repliesDropped'],
  ...['datagramsReceived', 'bytesReceived', 'keepalivesReceived', 'packetsWritten', 'bytesWritten'],
  ...['superPacketsWritten', 'packetsJoined', 'ecnMarks', 'sourcesLost'],
  // The end of the relay, a local address that is used again, and reports that also are an event or a state.
  ...['closing', 'pathMtuReports', 'looped', 'refusedByPeer'],
  // Single packets, which the sender's errors explain.
  ...['malformed', 'other', 'empty', 'truncated', 'notEcnCapable'],
])

for (const { direction, name } of COUNTERS) {
  const counter = `${direction}.${name}`
  test(`${counter} ${HARMLESS.has(name) ? 'is no problem by itself' : 'is a problem while it grows'}`, (t) => {
    const counts = { ...FLOWING, [counter]: 1234 + (FLOWING[counter] ?? 0) }
    const more = name === 'foreignSource' ? { 'inbound.datagramsReceived': 1244 } : {}
    const problems = diagnose(state({ ...counts, ...more }))
    t.is(problems.length, HARMLESS.has(name) ? 0 : 1, problems.join('\n'))
    for (const problem of problems) t.regex(problem, /1,234 .*\.$/u)
    const [single = ''] = diagnose(state({ ...counts, ...more, [counter]: 1 }))
    t.notRegex(single, /\b1 (?:malformed )?\w+s\b|\bwere dropped/u)
    const since = { stats: counters({ ...counts, ...more }), uptimeMillis: 50_000 }
    const flowing = Object.fromEntries(Object.keys(FLOWING).map((one) => [one, 5000]))
    const later = { ...counts, ...more, ...flowing }
    t.deepEqual(diagnose(state(later, { since })), [], 'it does not grow any more')
  })
}

test('refusals matter until datagrams come', (t) => {
  const refused = {
    'outbound.packetsRead': 3,
    'outbound.datagramsSent': 3,
    'outbound.refusedByPeer': 3,
  }
  const [only, ...more] = diagnose(state(refused))
  t.deepEqual(more, [])
  t.is(
    only,
    'The machine of the peer 192.0.2.2:5002 refuses the datagrams (ICMP port unreachable): no program listens on UDP port 5002 there. Start the other end, or correct the port: the SEND_PORT of one end is the RECV_PORT of the other, and this end receives at 0.0.0.0:5001.',
  )
  t.deepEqual(diagnose(state({ ...FLOWING, 'outbound.refusedByPeer': 3 })), [])
})

test('silence: nothing at all, nothing but what was sent, and after datagrams came', (t) => {
  const silent = (counts: Counts, more: Partial<DiagnosisState> = {}) =>
    diagnose(state(counts, more)).filter((problem) => problem.startsWith('No datagram has come'))
  t.regex(silent({})[0] ?? '', /since the start of the relay, and none was sent/u)
  const sent = { 'outbound.packetsRead': 9, 'outbound.datagramsSent': 9 }
  t.regex(silent(sent)[0] ?? '', /since the start of the relay, although 9 were sent and none was/u)
  const since = { stats: counters(FLOWING), uptimeMillis: 45_000 }
  t.regex(
    silent({ ...FLOWING, 'outbound.datagramsSent': 1010 }, { since })[0] ?? '',
    /for 15 s, although 1,000 were sent/u,
  )
  t.deepEqual(silent(FLOWING, { since }), [], 'nothing was sent, so no reply is missing')
  t.deepEqual(silent({ ...sent, 'outbound.unreachable': 1 }), [], 'the reason is known')
  // Those from other addresses are not the peer's.
  const foreign = { ...sent, 'inbound.datagramsReceived': 4, 'inbound.foreignSource': 4 }
  t.is(silent(foreign).length, 1)
})

test('of many peers only some are named', (t) => {
  const peers = Array.from({ length: 9 }, (_, at): PeerState => {
    const endpoint = { address: '192.0.2.2', port: 6000 + at }
    const traffic = { silentForMillis: 7000 } as PeerState['traffic']
    const silent = traffic ? { traffic } : {}
    return {
      name: `p${at}`,
      endpoint,
      allowedPrefixes: [],
      keepaliveSeconds: 1,
      followPort: 'auto',
      isUp: false,
      ...silent,
    }
  })
  const [only = ''] = diagnose(state(FLOWING, { peers }))
  t.true(only.includes('the peer p4 at 192.0.2.2:6004 (silent for 7 s) and 4 more.'), only)
  t.false(only.includes('p5'))
})

test('an event is a problem until another one ends it', (t) => {
  const failed: RelayEvent = { kind: 'name-failed', name: 'b.example', message: 'no such name' }
  const other: RelayEvent = { kind: 'name-failed', name: 'c.example', message: 'no such name' }
  const over: RelayEvent = { kind: 'name-recovered', name: 'b.example', message: '' }
  const of = (...events: RelayEvent[]) => diagnose(state(FLOWING, { events }))
  t.is(of(failed).length, 1)
  t.is(of(failed, other).length, 2)
  t.is(of(failed, failed).length, 1)
  t.regex(of(failed, other, over)[0] ?? '', /c\.example/u)
  t.is(of(failed, over).length, 0)
  t.is(of(failed, over, failed).length, 1)
})

test('the counters are compared with earlier ones that are ten seconds old', (t) => {
  const samples = new Samples()
  const at = (uptimeMillis: number) => ({ stats: counters({}), uptimeMillis })
  t.is(samples.before(at(1000)), undefined)
  t.is(samples.before(at(2000)), undefined)
  t.is(samples.before(at(11_000))?.uptimeMillis, 1000)
  t.is(samples.before(at(12_000))?.uptimeMillis, 1000)
  t.is(samples.before(at(99_000))?.uptimeMillis, 11_000)
})

test('any counters give whole sentences, each once', (t) => {
  const name = fc.constantFrom(...COUNTERS.map((one) => `${one.direction}.${one.name}`))
  fc.assert(
    fc.property(fc.dictionary(name, fc.maxSafeNat()), fc.boolean(), (counts, isUp) => {
      const problems = diagnose(state(counts, { interface: { name: 'tun0', isUp, mtu: 1472 } }))
      for (const problem of problems) t.regex(problem, /^[A-Z\d][^\n]*\.$/u)
      for (const problem of problems) t.notRegex(problem, /undefined|NaN/u)
      t.is(new Set(problems).size, problems.length)
    }),
  )
})
