import type { PathMtu, PeerState } from '../../../index.ts'
import { VERSION } from '../../../lib/native/version.ts'
import { COUNTERS, type Direction } from '../../../lib/relay/counters.ts'
import { formatEndpoint } from '../../../lib/relay/info.ts'
import { valueOf } from '../../../lib/relay/stats.ts'
import { formatNumber } from '../../../lib/formatNumber.ts'
import { formatBytes, formatDuration } from '../format.ts'
import { formatRate } from '../rates.ts'
import { type Column, formatColumns, printable } from './columns.ts'
import { lastHeard } from './peer.ts'
import type { Snapshot } from './snapshot.ts'

/** Prefixes of a peer that are listed. */
const PREFIXES_MAX = 4

/** A state of a relay, and an earlier one that rates are computed from. */
export interface Compared {
  readonly now: Snapshot
  readonly before?: Snapshot | undefined
}

/** Packets or datagrams, and their bytes. */
interface Flow {
  readonly count: number
  readonly bytes: number
}

/** A peer or a direction with its flows. */
interface Row {
  readonly name: string
  readonly peer?: PeerState
  readonly out?: Moving
  readonly in?: Moving
  readonly dropped: number
}

interface Moving extends Flow {
  /** Bits per second; absent if there is no earlier state. */
  readonly bitRate?: number
}

/** Returns the state of a relay for a person, lines without control characters. */
export function formatSnapshot(compared: Compared): string[] {
  const { now } = compared
  const lines = [
    headOf(now),
    ...factsOf(now).map(([name, text]) => `  ${name.padEnd(9)}  ${text}`),
    '',
    ...formatColumns(COLUMNS, rowsOf(compared)).map((line) => `  ${line}`),
    ...(now.problems.length === 0 ? [] : ['', ...now.problems.map((one) => `  problem: ${one}`)]),
  ]
  return lines.map(printable)
}

function headOf({ info, version, pid, uptimeMs, interface: facts }: Snapshot): string {
  const { name, mtu, addresses } = info.interface
  const state = facts ? [facts.isUp ? 'up' : 'DOWN', `mtu ${facts.mtu}`] : [`mtu ${mtu}`]
  const other = version === VERSION ? [] : [`version ${version}`]
  const words = [
    ...addresses,
    ...(info.mode === 'tap' ? ['mode tap'] : []),
    ...state,
    `pid ${pid}`,
    ...other,
    `running for ${formatDuration(uptimeMs)}`,
  ]
  return `${name}: ${words.join(', ')}`
}

/** Returns the facts about a relay, each with its name. Those that do not apply are left out. */
function factsOf({ info, stats, interface: facts }: Snapshot): [string, string][] {
  const ports = info.sourcePorts === 1 ? '1 source port' : `${info.sourcePorts} source ports`
  const queues = info.queues === 1 ? '1 queue' : `${info.queues} queues`
  const { receiveBytes, sendBytes } = info.buffers
  const buffers = `buffers ${formatBytes(receiveBytes)} in, ${formatBytes(sendBytes)} out`
  const offloads = Object.entries(stats.offload).flatMap(([name, isOn]) => (isOn ? [name] : []))
  const lines: [string, string][] = [
    ['socket', `UDP ${formatEndpoint(info.local)}, ${queues}, ${ports}, ${buffers}`],
    ['offloads', offloads.join(', ') || 'none'],
  ]
  if (facts) lines.push(['queue', queueOf(facts)])
  if (stats.pathMtu) lines.push(['path MTU', formatPathMtu(stats.pathMtu)])
  for (const direction of ['outbound', 'inbound'] as const) {
    const name = direction === 'outbound' ? 'out' : 'in'
    const [dropped, reports] = [true, false].map((isDrop) => countersOf(stats, direction, isDrop))
    if (dropped) lines.push([`${name} drops`, dropped])
    if (reports) lines.push([`${name} other`, reports])
  }
  return lines
}

function queueOf({ txQueueLength, txDropped, rxDropped }: NonNullable<Snapshot['interface']>) {
  const dropped = [
    ...(txDropped > 0 ? [`${formatNumber(txDropped)} dropped because it was full`] : []),
    ...(rxDropped > 0 ? [`${formatNumber(rxDropped)} dropped behind the relay`] : []),
  ]
  return [`${txQueueLength} packets`, ...dropped].join(', ')
}

function formatPathMtu({ outside, inside, source, router }: PathMtu): string {
  const reporter = { start: '', route: "this machine's route", router: router ?? 'a router' }[
    source
  ]
  const end = reporter === '' ? '' : `, reported by ${reporter}`
  return `${outside} outside, ${inside} inside${end}`
}

/** Returns the counters that have words and are not 0: the causes of drops, or the others. */
function countersOf(stats: Snapshot['stats'], direction: Direction, isDrop: boolean): string {
  return COUNTERS.filter((one) => one.direction === direction && one.isDrop === isDrop)
    .flatMap((counter) => {
      const { name, words } = counter
      const count = valueOf(stats, counter)
      if (count === 0 || (words === undefined && !isDrop)) return []
      return [`${words ?? name} ${formatNumber(count)}`]
    })
    .join(', ')
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'PEER', text: ({ name }) => name },
  { title: 'ENDPOINT', text: ({ peer }) => (peer ? formatEndpoint(peer.endpoint) : '') },
  { title: 'PREFIXES', text: ({ peer }) => (peer ? prefixesOf(peer) : '') },
  { title: 'LAST HEARD', text: ({ peer }) => (peer ? lastHeard(peer) : '') },
  ...flowColumns('out'),
  ...flowColumns('in'),
  { title: 'DROPPED', isNumber: true, text: ({ dropped }) => formatNumber(dropped) },
  {
    title: 'PATH MTU',
    isNumber: true,
    text: ({ peer }) => (peer?.pathMtu ? String(peer.pathMtu.inside) : ''),
  },
]

function flowColumns(direction: 'in' | 'out'): Column<Row>[] {
  const title = direction.toUpperCase()
  return [
    {
      title,
      isNumber: true,
      text: ({ [direction]: flow }) => (flow ? formatNumber(flow.count) : ''),
    },
    {
      title: '',
      isNumber: true,
      text: ({ [direction]: flow }) => (flow ? formatBytes(flow.bytes) : ''),
    },
    {
      title: '',
      isNumber: true,
      text: ({ [direction]: flow }) =>
        flow?.bitRate === undefined ? '' : formatRate(flow.bitRate, 'bit/s'),
    },
  ]
}

function prefixesOf({ allowedPrefixes }: PeerState): string[] {
  const more = allowedPrefixes.length - PREFIXES_MAX
  if (more <= 1) return [...allowedPrefixes]
  return [...allowedPrefixes.slice(0, PREFIXES_MAX), `and ${formatNumber(more)} more`]
}

/** Returns the row of each peer, and that of the relay if it is not the same. */
function rowsOf({ now, before }: Compared): Row[] {
  const seconds = before ? (now.uptimeMs - before.uptimeMs) / 1000 : 0
  const moving = (flow: Flow, earlier: Flow | undefined): Moving =>
    earlier && seconds > 0
      ? { ...flow, bitRate: (Math.max(0, flow.bytes - earlier.bytes) * 8) / seconds }
      : flow
  const old = new Map(before?.peers.map((peer) => [peer.name, peer]))
  const [total, totalBefore] = [totalOf(now), before && totalOf(before)]
  const all = {
    out: moving(total.out, totalBefore?.out),
    in: moving(total.in, totalBefore?.in),
    dropped: total.dropped,
  }
  const peers = now.peers.map((peer): Row => {
    const { name, traffic } = peer
    // The only peer of a relay without counters per peer gets every packet.
    if (!traffic) return { name, peer, ...(now.peers.length === 1 ? all : { dropped: 0 }) }
    const earlier = old.get(name)?.traffic
    return {
      name,
      peer,
      out: moving(sentTo(traffic), earlier && sentTo(earlier)),
      in: moving(receivedFrom(traffic), earlier && receivedFrom(earlier)),
      dropped: traffic.outboundDropped + traffic.inboundDropped,
    }
  })
  const isSame = peers.length === 1 && !now.peers[0]?.traffic
  return isSame ? peers : [...peers, { name: 'all', ...all }]
}

type Traffic = NonNullable<PeerState['traffic']>

function sentTo({ datagramsSent, bytesSent }: Traffic): Flow {
  return { count: datagramsSent, bytes: bytesSent }
}

function receivedFrom({ datagramsReceived, bytesReceived }: Traffic): Flow {
  return { count: datagramsReceived, bytes: bytesReceived }
}

function totalOf({ stats: { outbound, inbound } }: Snapshot) {
  return {
    out: { count: outbound.datagramsSent, bytes: outbound.bytesSent },
    in: { count: inbound.datagramsReceived, bytes: inbound.bytesReceived },
    dropped: sumOf(outbound.dropped) + sumOf(inbound.dropped),
  }
}

function sumOf(counters: object): number {
  return Object.values(counters as Record<string, number>).reduce((sum, one) => sum + one, 0)
}
