import test from 'ava'
import {
  type PeerState,
  type PeerTraffic,
  type Relay,
  formatMetrics,
  startRelay,
} from '../../../index.ts'
import { COUNTERS } from '../../../lib/relay/counters.ts'
import { PEERS_WITH_METRICS, formatSnapshots } from '../../../lib/relay/metrics.ts'
import { FAKE_STATS, fakeBinding } from '../../support/fakeBinding.ts'
import { accepted } from '../../support/promtool.ts'

fakeBinding()

const start = (name: string, receivePort = 5002) =>
  startRelay({ addresses: ['10.0.0.1/24'], sendPort: 5001, receivePort, name })

interface Line {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Parses the lines that have values. */
function linesOf(text: string): Line[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const { name, list, value } =
      /^(?<name>\w+)\{(?<list>.*)\} (?<value>\d+)$/u.exec(line)?.groups ?? {}
    const pairs = [...(list ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/gu)]
    const labels = Object.fromEntries(
      pairs.map(([, label, text]) => [label, text]),
    ) as Line['labels']
    return { name: name ?? line, labels, value: Number(value) }
  })
}

test('every counter is there once, with its value', async (t) => {
  await using relay = await start('all0')
  const lines = linesOf(formatMetrics(relay))
  for (const { direction, name, isDrop } of COUNTERS) {
    const values = isDrop ? FAKE_STATS[direction].dropped : FAKE_STATS[direction]
    // Each counter of the fake has a value of its own.
    const expected = (values as unknown as Readonly<Record<string, number>>)[name]
    const found = lines.filter(
      ({ name: line, value }) => line.endsWith('_total') && value === expected,
    )
    t.is(found.length, 1, `${direction} ${name}`)
    t.is(found[0]?.labels['cause'] !== undefined, isDrop)
    t.true(found[0]?.name.startsWith(`tun2udp_${direction}_`))
  }
  t.is(lines.filter(({ name }) => name.endsWith('_total')).length, COUNTERS.length)
})

test('names have the unit at their end', async (t) => {
  await using relay = await start('names0')
  const lines = linesOf(formatMetrics(relay))
  const { outbound, inbound } = FAKE_STATS
  const own = { interface: 'names0', local: '127.0.0.1:5002' }
  for (const [name, value, labels] of [
    ['tun2udp_outbound_read_packets_total', outbound.packetsRead, {}],
    ['tun2udp_outbound_sent_bytes_total', outbound.bytesSent, {}],
    ['tun2udp_outbound_path_mtu_reports_total', outbound.pathMtuReports, {}],
    ['tun2udp_inbound_received_datagrams_total', inbound.datagramsReceived, {}],
    ['tun2udp_inbound_super_packets_written_total', inbound.superPacketsWritten, {}],
    ['tun2udp_outbound_dropped_packets_total', outbound.dropped.tooLong, { cause: 'too_long' }],
    ['tun2udp_interface_mtu_bytes', relay.info.interface.mtu, {}],
    ['tun2udp_path_mtu_bytes', 1372, { side: 'inside' }],
    ['tun2udp_path_mtu_bytes', 1400, { side: 'outside' }],
    ['tun2udp_queues', 2, {}],
    ['tun2udp_offload_active', 1, { offload: 'tso' }],
    ['tun2udp_offload_active', 0, { offload: 'uso' }],
  ] as const) {
    t.true(
      lines.some((line) => {
        const same = { ...line, labels: JSON.stringify(line.labels) }
        return (
          same.name === name &&
          same.value === value &&
          same.labels === JSON.stringify({ ...own, ...labels })
        )
      }),
      `${name} ${value}`,
    )
  }
})

const TRAFFIC: PeerTraffic = {
  datagramsSent: 1,
  bytesSent: 2,
  outboundDropped: 3,
  datagramsReceived: 4,
  bytesReceived: 5,
  inboundDropped: 6,
  foreignPrefix: 7,
  silentForMillis: 1500,
}

/** Returns a peer with another value for each counter. */
function peer(name: string, more: Partial<PeerState> = {}): PeerState {
  return {
    name,
    endpoint: { address: '192.0.2.2', port: 5001 },
    allowedPrefixes: [],
    keepaliveSeconds: 0,
    followPort: 'auto',
    traffic: TRAFFIC,
    ...more,
  }
}

function ofPeers(relay: Relay, peers: readonly PeerState[]): string {
  const { info } = relay
  return formatSnapshots([{ version: '1.2.3', info, stats: FAKE_STATS, peers }])
}

test('peers have their own metrics, as far as they are known', async (t) => {
  await using relay = await start('peers0')
  const text = ofPeers(relay, [
    peer('a'),
    {
      ...peer('b"', { isUp: false, pathMtu: { outside: 1400, inside: 1372, source: 'route' } }),
      traffic: { ...TRAFFIC, silentForMillis: 0 },
    },
    {
      name: 'c',
      endpoint: { address: '192.0.2.2', port: 5001 },
      allowedPrefixes: [],
      keepaliveSeconds: 0,
      followPort: false,
    },
  ])
  const found = text.split('\n').filter((line) => line.startsWith('tun2udp_peer'))
  const own = 'interface="peers0",local="127.0.0.1:5002"'
  const expected: [name: string, peer: string, value: number][] = [
    ['peers', '', 3],
    ...(['a', 'b'] as const).flatMap((name): [string, string, number][] => [
      ['peer_sent_datagrams_total', name, 1],
      ['peer_sent_bytes_total', name, 2],
      ['peer_outbound_dropped_packets_total', name, 3],
      ['peer_received_datagrams_total', name, 4],
      ['peer_received_bytes_total', name, 5],
      ['peer_inbound_dropped_datagrams_total', name, 6],
      ['peer_foreign_prefix_packets_total', name, 7],
    ]),
    ['peer_silent_seconds', 'a', 1.5],
    ['peer_silent_seconds', 'b', 0],
    ['peer_up', 'b', 0],
    ['peer_path_mtu_bytes', 'b', 1372],
  ]
  const lines = expected.map(([name, label, value]) => {
    const quoted = label === 'b' ? String.raw`b\"` : label
    return `tun2udp_${name}{${own}${label === '' ? '' : `,peer="${quoted}"`}} ${value}`
  })
  t.deepEqual([...found].sort(), [...lines].sort())
})

test('thousands of peers do not make thousands of series', async (t) => {
  await using relay = await start('many0')
  const peers = Array.from({ length: 5000 }, (_, at) => peer(`p${at}`))
  const lines = ofPeers(relay, peers).split('\n')
  const names = new Set(lines.flatMap((line) => /peer="(\w+)"/u.exec(line)?.[1] ?? []))
  t.is(names.size, PEERS_WITH_METRICS)
  t.true(names.has('p0') && names.has('p99'))
  t.true(lines.includes('tun2udp_peers{interface="many0",local="127.0.0.1:5002"} 5000'))
})

test('relays of several versions and processes are in one text', async (t) => {
  await using relay = await start('several0')
  const { info } = relay
  const snapshots = ['1.0.0', '1.1.0', '1.0.0'].map((version, at) => ({
    version,
    info: { ...info, interface: { ...info.interface, name: `tun${at}` } },
    stats: FAKE_STATS,
    peers: [],
  }))
  const text = formatSnapshots(snapshots)
  t.deepEqual(text.match(/^tun2udp_info.*$/gmu), [
    'tun2udp_info{version="1.0.0"} 1',
    'tun2udp_info{version="1.1.0"} 1',
  ])
  t.is(text.match(/^# TYPE tun2udp_queues gauge$/gmu)?.length, 1)
  t.is(text.match(/^tun2udp_queues\{/gmu)?.length, 3)
})

test('each metric is described once, in front of the samples of all relays', async (t) => {
  await using first = await start('two0')
  await using second = await start('two1', 5003)
  const text = formatMetrics([first, second])
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gmu)].map(([, name, type]) => [name, type])
  t.is(new Set(types.map(([name]) => name)).size, types.length)
  for (const [name, type] of types) t.is(type, name?.endsWith('_total') ? 'counter' : 'gauge')
  const blocks = text.split(/^# HELP /mu).slice(1)
  t.is(blocks.length, types.length)
  for (const block of blocks.slice(1)) {
    const interfaces = linesOf(block.slice(block.indexOf('\n'))).map(
      ({ labels }) => labels['interface'],
    )
    t.deepEqual([...new Set(interfaces)], ['two0', 'two1'], block)
  }
})

test('an interface name with quotes, backslashes and control characters is escaped', async (t) => {
  await using relay = await start('a"b\\c')
  const line = formatMetrics(relay)
    .split('\n')
    .find((one) => one.startsWith('tun2udp_queues'))
  t.is(line, String.raw`tun2udp_queues{interface="a\"b\\c",local="127.0.0.1:5002"} 2`)
})

test('no relay has the version only, and other values are refused', (t) => {
  t.deepEqual(
    linesOf(formatMetrics([])).map(({ name, value }) => [name, value]),
    [['tun2udp_info', 1]],
  )
  for (const wrong of [undefined, null, 5, {}, [undefined], 'relay']) {
    t.throws(() => formatMetrics(wrong as Relay), {
      code: 'ERR_TUN_INVALID_ARGUMENT',
      message: /^Invalid relays .*: expected a Relay or an array of them$/u,
    })
  }
})

test('promtool accepts the text', async (t) => {
  await using first = await start('prom0')
  await using second = await start('prom1', 5003)
  const peers = [peer('a'), peer('b', { isUp: true })]
  const snapshots = [first, second].map(({ info }) => ({
    version: '1.2.3',
    info,
    stats: FAKE_STATS,
    peers,
  }))
  accepted(t, formatSnapshots(snapshots))
})
