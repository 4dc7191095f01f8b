import { type RelayInfo, formatEndpoint } from './info.ts'
import type { RelayEvent } from './events.ts'
import type { PeerState } from './peers/state.ts'
import type { RelayStats } from './stats.ts'
import { type Facts, inboundProblems, outboundProblems } from './diagnosis/counters.ts'
import { eventProblems } from './diagnosis/events.ts'

/** The state of the interface of a relay. */
export interface InterfaceState {
  /** Its present name. */
  readonly name: string
  /** Whether it is up. */
  readonly isUp: boolean
  /** Its MTU, bytes. */
  readonly mtu: number
  /** Operational state by RFC 2863: `up`, `down`, `unknown`, … */
  readonly operState: string
  /** The most packets that wait for the relay. */
  readonly txQueueLength: number
  /** The number of times that the carrier appeared or disappeared. */
  readonly carrierChanges: number
  /** Packets that the kernel dropped before the relay could read them, mostly because the queue was full. */
  readonly txDropped: number
  /** Packets that the kernel dropped after the relay wrote them. */
  readonly rxDropped: number
}

/** Counters at one time. */
export interface Sample {
  readonly stats: RelayStats
  /** Time since the start of the relay, milliseconds. */
  readonly uptimeMillis: number
}

/** The state of a relay that its problems follow from. */
export interface DiagnosisState extends Sample {
  readonly info: RelayInfo
  readonly peers: readonly PeerState[]
  /** The state of the interface; absent if it is not known. */
  readonly interface?: Pick<InterfaceState, 'name' | 'isUp' | 'mtu'> | undefined
  /** The events of the relay so far. */
  readonly events: readonly RelayEvent[]
  /** Earlier counters. The problems are those since that time. Absent: since the start. */
  readonly since?: Sample | undefined
}

/** The shortest time between the counters that are compared, milliseconds. */
const INTERVAL_MILLIS = 10_000

/** The counters of earlier diagnoses. */
export class Samples {
  #last: Sample | undefined
  #earlier: Sample | undefined

  /** Records the present counters. Returns those to compare them with; none: those of the start. */
  before(sample: Sample): Sample | undefined {
    if (!this.#last || sample.uptimeMillis - this.#last.uptimeMillis >= INTERVAL_MILLIS) {
      this.#earlier = this.#last
      this.#last = sample
    }
    return this.#earlier
  }
}

/** A peer that sends nothing for this time is reported, milliseconds. Before that, a reply may be on its way. */
const SILENCE_MILLIS = 3000

/** Peers that are named at most. */
const NAMED_MAX = 5

/**
 * Returns the problems of a relay that packets do not pass, the most likely cause first: each one or two sentences, with
 * what it means and what to do. None if nothing is wrong as far as the relay can know.
 */
export function diagnose(state: DiagnosisState): string[] {
  const facts = factsOf(state)
  return [
    ...interfaceProblems(state),
    ...eventProblems(state.events),
    ...outboundProblems(facts),
    ...inboundProblems(facts),
    ...peerProblems(state, facts),
    ...mtuProblems(state),
  ]
}

/** Returns what was counted since the earlier time, or since the start. */
function factsOf({ info, peers, stats, since, events, uptimeMillis }: DiagnosisState): Facts {
  const grown = (now: object, before: object | undefined) => {
    const old = { ...before } as Readonly<Record<string, unknown>>
    const entries = Object.entries(now).filter(([, value]) => typeof value === 'number')
    return Object.fromEntries(
      entries.map(([name, value]) => [name, Number(value) - Number(old[name] ?? 0)]),
    ) as Readonly<Record<string, number>>
  }
  const before = since?.stats
  return {
    device: info.interface.name,
    local: formatEndpoint(info.local),
    port: info.local.port,
    peer:
      peers.length > 1
        ? `the ${peers.length} peers`
        : `the peer ${formatEndpoint(peerOf(info, peers))}`,
    address: peerOf(info, peers).address,
    peerPort: peerOf(info, peers).port,
    isSingle: peers.length <= 1,
    mode: info.mode,
    out: grown(stats.outbound, before?.outbound),
    outDropped: grown(stats.outbound.dropped, before?.outbound.dropped),
    into: grown(stats.inbound, before?.inbound),
    inDropped: grown(stats.inbound.dropped, before?.inbound.dropped),
    foreign: foreignAddresses(events),
    isSettled: uptimeMillis - (since?.uptimeMillis ?? 0) >= SILENCE_MILLIS,
    seconds: Math.round((uptimeMillis - (since?.uptimeMillis ?? 0)) / 1000),
    hasEverRead: stats.outbound.packetsRead > 0,
    hasEverReceived: stats.inbound.datagramsReceived > stats.inbound.dropped.foreignSource,
  }
}

function peerOf(info: RelayInfo, peers: readonly PeerState[]): RelayInfo['peer'] {
  return peers[0]?.endpoint ?? info.peer
}

function foreignAddresses(events: readonly RelayEvent[]): string[] {
  const addresses = events.flatMap((event) =>
    event.kind === 'foreign-source' ? [event.address] : [],
  )
  return [...new Set(addresses)].reverse().slice(0, NAMED_MAX)
}

function interfaceProblems({ interface: state, info }: DiagnosisState): string[] {
  if (!state || state.isUp) return []
  const { name } = state
  const renamed = name === info.interface.name ? '' : ` (it was ${info.interface.name})`
  return [
    `The interface ${name}${renamed} is down, so no packet enters or leaves the tunnel. Bring it up with "ip link set dev ${name} up", and add the routes again that it lost.`,
  ]
}

/** Returns the problems of peers that are known one by one. */
function peerProblems({ peers, uptimeMillis }: DiagnosisState, facts: Facts): string[] {
  const down = peers.filter(({ isUp }) => isUp === false)
  const mute = peers.filter(
    ({ isUp, traffic }) =>
      isUp === undefined &&
      traffic !== undefined &&
      traffic.silentForMillis === undefined &&
      traffic.datagramsSent > 0,
  )
  const problems: string[] = []
  if (down.length > 0) {
    problems.push(
      `No datagram came for three intervals of the keepalive from ${named(down.map(labelOf))}. Check whether the other end runs and sends keepalives too, and whether a firewall or NAT router on the way drops them.`,
    )
  }
  if (mute.length > 0 && !facts.isSingle && uptimeMillis >= SILENCE_MILLIS) {
    problems.push(
      `No datagram has ever come from ${named(mute.map(labelOf))}, although datagrams were sent there. Check the address and port of the peer, whether its program runs, and whether a firewall drops UDP port ${facts.port} here or the peer's port there.`,
    )
  }
  return problems
}

function labelOf({ name, endpoint, traffic }: PeerState): string {
  const at = formatEndpoint(endpoint)
  const peer = name === '' || name === at ? `the peer ${at}` : `the peer ${name} at ${at}`
  const silent = traffic?.silentForMillis
  return silent === undefined ? peer : `${peer} (silent for ${Math.round(silent / 1000)} s)`
}

function named(labels: readonly string[]): string {
  const more = labels.length - NAMED_MAX
  const list = labels.slice(0, NAMED_MAX).join(', ')
  return more > 0 ? `${list} and ${more} more` : list
}

/** Returns the problem of an interface whose packets are too long for the path. */
function mtuProblems({
  peers,
  interface: state,
  info,
  stats: { pathMtu },
}: DiagnosisState): string[] {
  const device = state ?? info.interface
  const narrow = peers
    .flatMap((peer) => (peer.pathMtu ? [{ peer, mtu: peer.pathMtu }] : []))
    .filter(({ mtu }) => mtu.inside < device.mtu)
    .sort((one, other) => one.mtu.inside - other.mtu.inside)
  const mtu = narrow[0]?.mtu ?? (pathMtu && pathMtu.inside < device.mtu ? pathMtu : undefined)
  if (!mtu || mtu.source === 'start') return []
  const label = narrow[0] ? labelOf(narrow[0].peer) : 'the peer'
  return [
    `The path to ${label} carries ${mtu.inside} bytes per packet, less than the ${device.mtu} of the interface ${device.name}. Longer packets are refused with an ICMP error; if a firewall drops these, large transfers hang. Use --mtu ${mtu.inside} at both ends.`,
  ]
}
