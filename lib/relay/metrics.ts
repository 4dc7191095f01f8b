import { invalidArgument } from '../errors.ts'
import { VERSION } from '../native/version.ts'
import { COUNTERS, type CounterDescription } from './counters.ts'
import { type RelayInfo, formatEndpoint } from './info.ts'
import type { PeerState, PeerTraffic } from './peers/state.ts'
import { Relay, STATS } from './relay.ts'
import { type RelayStats, valueOf } from './stats.ts'

/** The characters that a label has to escape. */
const ESCAPED = /["\\\n]/u

/** A metric of all relays, in the terms of the Prometheus text format. */
interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  /** Passes on the samples of one relay. */
  readonly sample: (relay: MetricsSnapshot, add: Add) => void
}

/** Takes a sample: its value, and the text of its own labels. */
type Add = (value: number, labels?: string) => void

/** The state of a relay at one moment, so that all its samples are consistent. */
export interface MetricsSnapshot {
  /** Version of the package that the relay is of. */
  readonly version: string
  readonly info: RelayInfo
  readonly stats: RelayStats
  readonly peers: readonly PeerState[]
}

/**
 * Peers of a relay that have metrics of their own: the first ones. A server of metrics keeps each series, so thousands of
 * peers would fill it.
 */
export const PEERS_WITH_METRICS = 100

const PREFIX = 'tun2udp'

/** A count of missed packets that is younger is used again: to ask the kernel takes longer than all other counters. */
const MISSED_AGE_MS = 500

/** The metrics of a relay that are not counters. */
const STATES: readonly Metric[] = [
  {
    name: 'interface_mtu_bytes',
    type: 'gauge',
    help: 'MTU of the interface when the relay started.',
    sample: ({ info }, add) => {
      add(info.interface.mtu)
    },
  },
  {
    name: 'path_mtu_bytes',
    type: 'gauge',
    help: 'The longest packet that the path to the peer carries, inside and outside the tunnel.',
    sample: ({ stats: { pathMtu } }, add) => {
      if (!pathMtu) return
      add(pathMtu.inside, labelOf('side', 'inside'))
      add(pathMtu.outside, labelOf('side', 'outside'))
    },
  },
  {
    name: 'queues',
    type: 'gauge',
    help: 'Queues of the interface, each with its own thread and socket.',
    sample: ({ info }, add) => {
      add(info.queues)
    },
  },
  {
    name: 'offload_active',
    type: 'gauge',
    help: 'Whether an offload of the kernel is in use: 1 or 0.',
    sample: ({ stats }, add) => {
      for (const [offload, active] of Object.entries(stats.offload))
        add(active ? 1 : 0, labelOf('offload', offload))
    },
  },
]

/** The counters of a peer: its property, the name of the metric and its description. */
const PEER_COUNTERS: readonly [keyof PeerTraffic, name: string, help: string][] = [
  [
    'datagramsSent',
    'peer_sent_datagrams_total',
    'Datagrams to a peer that the kernel took for sending.',
  ],
  ['bytesSent', 'peer_sent_bytes_total', 'Bytes of payload of the datagrams to a peer.'],
  [
    'outboundDropped',
    'peer_outbound_dropped_packets_total',
    'Packets to a peer that were dropped, for any cause.',
  ],
  [
    'datagramsReceived',
    'peer_received_datagrams_total',
    'Datagrams from a peer, including those whose packets were dropped.',
  ],
  ['bytesReceived', 'peer_received_bytes_total', 'Bytes of payload of the datagrams from a peer.'],
  [
    'inboundDropped',
    'peer_inbound_dropped_datagrams_total',
    'Datagrams from a peer that were dropped, for any cause except a refusal of the interface.',
  ],
  [
    'foreignPrefix',
    'peer_foreign_prefix_packets_total',
    'Packets from a peer whose source is not in its networks. The dropped datagrams include them.',
  ],
]

/** The metrics of each peer. Only those of several peers and of peers with keepalives have counters. */
const PEERS: readonly Metric[] = [
  {
    name: 'peers',
    type: 'gauge',
    help: `Peers of the relay. The first ${PEERS_WITH_METRICS} have metrics of their own.`,
    sample: ({ peers }, add) => {
      add(peers.length)
    },
  },
  ...PEER_COUNTERS.map(([property, name, help]) =>
    metricOf('counter', name, help, ({ traffic }) => traffic?.[property]),
  ),
  metricOf(
    'gauge',
    'peer_silent_seconds',
    'Time since the last datagram from a peer.',
    ({ traffic }) => traffic?.silentForMillis && traffic.silentForMillis / 1000,
  ),
  metricOf(
    'gauge',
    'peer_up',
    'Whether datagrams of a peer with keepalives arrive: 1 or 0.',
    ({ isUp }) => (isUp === undefined ? undefined : Number(isUp)),
  ),
  metricOf(
    'gauge',
    'peer_path_mtu_bytes',
    'The longest packet inside the tunnel that the path to a peer carries.',
    ({ pathMtu }) => pathMtu?.inside,
  ),
]

/** All metrics, each with its full name and its description in the text. */
const METRICS = [...countersOf(false), ...countersOf(true), ...STATES, ...PEERS].map(
  ({ name, type, help, sample }) => {
    const full = `${PREFIX}_${name}`
    return { full, head: head(full, type, help), sample }
  },
)

/** Returns a metric of each peer. A peer without a value has no sample. */
function metricOf(
  type: Metric['type'],
  name: string,
  help: string,
  valueOf: (peer: PeerState) => number | undefined,
): Metric {
  const sample = ({ peers }: MetricsSnapshot, add: Add) => {
    for (const peer of peers.slice(0, PEERS_WITH_METRICS)) {
      const value = valueOf(peer)
      if (value !== undefined) add(value, labelOf('peer', peer.name))
    }
  }
  return { name, type, help, sample }
}

/**
 * Returns the counters and states of relays in the text format of Prometheus (version 0.0.4).
 *
 * Each counter of `stats()` is one metric, for example `tun2udp_outbound_read_packets_total`. The causes of drops are
 * one metric per direction and unit, with the label `cause`. Every sample has the labels `interface` and `local`. The
 * first 100 peers of a relay have metrics with the label `peer`.
 *
 * The kernel is asked for the packets that it dropped (`packetsMissed`) at most twice a second.
 *
 * @param relays the relays, whose pairs of interface name and local address must be distinct.
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: a value is not a relay.
 */
export function formatMetrics(relays: Relay | readonly Relay[]): string {
  const list = Array.isArray(relays) ? (relays as readonly unknown[]) : [relays]
  return formatSnapshots(
    list.map((relay) => {
      if (!(relay instanceof Relay))
        throw invalidArgument('relays', relay, 'a Relay or an array of them')
      return {
        version: VERSION,
        info: relay.info,
        stats: relay[STATS](MISSED_AGE_MS),
        peers: relay.peers.list(),
      }
    }),
  )
}

/** Returns the states of relays as {@link formatMetrics} does. They may be those of other processes. */
export function formatSnapshots(snapshots: readonly MetricsSnapshot[]): string {
  const versions = [...new Set(snapshots.map(({ version }) => version))]
  let text = head(`${PREFIX}_info`, 'gauge', 'Version of the package.')
  for (const version of versions.length > 0 ? versions : [VERSION])
    text += `${PREFIX}_info{${labelOf('version', version)}} 1\n`
  // These labels are the same in all samples of a relay.
  const relays = snapshots.map((snapshot) => {
    const { interface: device, local } = snapshot.info
    const own = `${labelOf('interface', device.name)},${labelOf('local', formatEndpoint(local))}`
    return { snapshot, own }
  })
  for (const { full, head: described, sample } of METRICS) {
    let samples = ''
    for (const { snapshot, own } of relays) {
      const start = `${full}{${own}`
      sample(snapshot, (value, labels) => {
        samples += labels === undefined ? `${start}} ${value}\n` : `${start},${labels}} ${value}\n`
      })
    }
    if (samples !== '') text += described + samples
  }
  return text
}

/** Returns the metrics of the counters, or those of the causes of drops. */
function countersOf(isDrop: boolean): Metric[] {
  const names = new Map<string, CounterDescription[]>()
  for (const counter of COUNTERS.filter((one) => one.isDrop === isDrop)) {
    const name = isDrop ? `${counter.direction}_dropped_${counter.unit}_total` : nameOf(counter)
    names.set(name, [...(names.get(name) ?? []), counter])
  }
  return [...names].map(([name, counters]) => {
    const causes = counters.map((counter) => labelOf('cause', snake(counter.name)))
    return {
      name,
      type: 'counter',
      help: isDrop ? dropHelp(counters) : (counters[0]?.help ?? ''),
      sample: ({ stats }, add) => {
        for (const [index, counter] of counters.entries())
          add(valueOf(stats, counter), isDrop ? causes[index] : undefined)
      },
    }
  })
}

function dropHelp(counters: readonly CounterDescription[]): string {
  const causes = counters.map(({ name, help }) => `${snake(name)}: ${help}`)
  return `Dropped ${counters[0]?.unit ?? 'packets'} by cause. ${causes.join(' ')}`
}

/** Returns the name of a counter with its unit at the end: `packetsRead` is `outbound_read_packets_total`. */
function nameOf({ direction, name, unit }: CounterDescription): string {
  const words = snake(name)
  const start = `${unit}_`
  const ordered = words.startsWith(start) ? `${words.slice(start.length)}_${unit}` : words
  return `${direction}_${ordered}_total`
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)
}

function head(name: string, type: string, help: string): string {
  const escaped = help.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`)
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n`
}

function labelOf(label: string, text: string): string {
  // Nearly no text needs it.
  if (!ESCAPED.test(text)) return `${label}="${text}"`
  const escaped = text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
  return `${label}="${escaped}"`
}
