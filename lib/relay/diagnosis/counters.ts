import { formatNumber } from '../../formatNumber.ts'

/** The counts of a relay in a time, and the names that its problems refer to. */
export interface Facts {
  /** Name of the interface. */
  readonly device: string
  /** Local address and port. */
  readonly local: string
  readonly port: number
  /** The peer or the peers, for the middle of a sentence. */
  readonly peer: string
  /** Address and port of the first peer. */
  readonly address: string
  readonly peerPort: number
  readonly isSingle: boolean
  readonly mode: 'tun' | 'tap'
  /** The counters, and the causes of drops. */
  readonly out: Counts
  readonly outDropped: Counts
  readonly into: Counts
  readonly inDropped: Counts
  /** Addresses of datagrams that are not a peer's, the latest first. */
  readonly foreign: readonly string[]
  /** Whether the time is so long that replies must have come. */
  readonly isSettled: boolean
  /** The time, seconds. */
  readonly seconds: number
  /** Whether a datagram of a peer has come since the start of the relay. */
  readonly hasEverReceived: boolean
  /** Whether a packet has been read since the start of the relay. */
  readonly hasEverRead: boolean
}

type Counts = Readonly<Record<string, number>>

/** A problem: whether it is there, and its words. */
type Rule = (facts: Facts) => string | undefined

/** Returns the problems of the direction from the interface to the peer. */
export function outboundProblems(facts: Facts): string[] {
  return OUTBOUND.map((rule) => rule(facts)).filter((problem) => problem !== undefined)
}

/** Returns the problems of the direction from the peer to the interface. */
export function inboundProblems(facts: Facts): string[] {
  return INBOUND.map((rule) => rule(facts)).filter((problem) => problem !== undefined)
}

/** A number of things, for a sentence. */
interface Quantity {
  readonly count: string
  /** The ending of the noun. */
  readonly s: '' | 's'
  readonly were: 'was' | 'were'
}

function quantityOf(count: number): Quantity {
  return {
    count: formatNumber(count),
    ...(count === 1 ? { s: '', were: 'was' } : { s: 's', were: 'were' }),
  }
}

/** Returns a rule for a counter that must not grow. */
function grows(
  group: 'out' | 'outDropped' | 'into' | 'inDropped',
  name: string,
  words: (quantity: Quantity, facts: Facts) => string,
): Rule {
  return (facts) => {
    const count = facts[group][name] ?? 0
    return count > 0 ? words(quantityOf(count), facts) : undefined
  }
}

const OUTBOUND: readonly Rule[] = [
  (facts) => {
    const { out, peer, peerPort, isSingle, local } = facts
    if (received(facts) > 0 || !out['refusedByPeer']) return undefined
    const port = isSingle ? `UDP port ${peerPort}` : 'its UDP port'
    return `The machine of ${peer} refuses the datagrams (ICMP port unreachable): no program listens on ${port} there. Start the other end, or correct the port: the SEND_PORT of one end is the RECV_PORT of the other, and this end receives at ${local}.`
  },
  grows(
    'out',
    'unreachableReports',
    ({ count, s }, { peer, address }) =>
      `According to ${count} report${s} (ICMP), ${peer} cannot be reached: the address is wrong, the machine is off, or a router or firewall on the way rejects the datagrams. "ping ${address}" and "tracepath ${address}" show where the path ends.`,
  ),
  grows(
    'outDropped',
    'unreachable',
    ({ count, s, were }, { peer, address }) =>
      `${count} packet${s} ${were} dropped since this machine has no route to ${peer}. "ip route get ${address}" shows the reason; bring the link up or add the route.`,
  ),
  grows(
    'outDropped',
    'denied',
    ({ count, s, were }, { peer, peerPort }) =>
      `${count} packet${s} ${were} dropped since a firewall or policy of this machine forbids datagrams to ${peer}. "nft list ruleset" and "iptables -S OUTPUT" print the rules; permit UDP to port ${peerPort}.`,
  ),
  grows(
    'outDropped',
    'noPeer',
    ({ count, s, were }) =>
      `${count} packet${s} ${were} dropped since no prefix of a peer contains the destination. The sender gets an ICMP error. Add the network to the allowedPrefixes of the peer that has it, or remove the route into the interface.`,
  ),
  grows(
    'outDropped',
    'tooLong',
    ({ count, s, were }, { device }) =>
      `${count} packet${s} ${were} dropped since the path to the peer carries only shorter ones. Lower the MTU of ${device} (--mtu) at both ends, or permit ICMP between the senders and this machine.`,
  ),
  grows(
    'out',
    'packetsMissed',
    ({ count, s }, { device }) =>
      `The interface ${device} dropped ${count} packet${s} since its queue was full: packets come faster than the relay or the network takes them. A longer queue (--txqueuelen) holds longer bursts.`,
  ),
  grows(
    'outDropped',
    'noBuffers',
    ({ count, s, were }) =>
      `${count} packet${s} ${were} dropped since the network device or the socket had no room for them: the link is slower than the tunnel's traffic. Limit the traffic, or see "Buffers" in the guide on tuning.`,
  ),
  grows(
    'out',
    'readErrors',
    ({ count, s }, { device }) =>
      `${count} read${s} of ${device} failed, for example since the kernel is out of memory. The relay tries again; "dmesg" may have the reason.`,
  ),
  ({ hasEverRead, isSettled, device, into }) =>
    hasEverRead || !isSettled || (into['packetsWritten'] ?? 0) > 0
      ? undefined
      : `No packet has ever been read from ${device}: no route leads into it, or no program sends. "ip route get ADDRESS" for an address behind the peer must show "dev ${device}".`,
  ({ hasEverRead, isSettled, device, into }) =>
    hasEverRead || !isSettled || !into['packetsWritten']
      ? undefined
      : `Packets of the peer arrive at ${device}, but no packet goes back. The firewall or the reverse path filter of this machine drops them, no program replies, or the route back does not lead into ${device}: see "ip route get" and "nstat -az TcpExtIPReversePathFilter".`,
]

/** Returns the datagrams that came from peers. */
function received({ into, inDropped }: Facts): number {
  return (into['datagramsReceived'] ?? 0) - (inDropped['foreignSource'] ?? 0)
}

const INBOUND: readonly Rule[] = [
  grows('inDropped', 'foreignSource', ({ count, s, were }, { peer, foreign, isSingle }) => {
    const from = foreign.length > 0 ? `, from ${foreign.join(', ')}` : ''
    const remedy = isSingle
      ? 'If that is the peer, behind NAT or with several addresses, use it as --peer, or use --accept any.'
      : 'If that is a peer, behind NAT or with several addresses, make it an endpoint of the peer.'
    return `${count} datagram${s} came from another address than that of ${peer}${from}, and ${were} dropped. ${remedy}`
  }),
  grows(
    'inDropped',
    'foreignPrefix',
    ({ count, s, were }) =>
      `${count} packet${s} of a peer ${were} dropped since none of its networks contains the source. Add the network to its allowedPrefixes (--allow) if it may send from there, or masquerade at the other end.`,
  ),
  grows('inDropped', 'notIp', ({ count, s, were }, { port }) =>
    [
      `${count} datagram${s} without an IP packet ${were} dropped: the other end uses --mode tap, or another program sends to UDP port ${port}.`,
      'Use the same mode at both ends.',
    ].join(' '),
  ),
  grows('inDropped', 'shortFrame', ({ count, s, were }, { port }) =>
    [
      `${count} datagram${s} without an Ethernet frame ${were} dropped: the other end does not use --mode tap, or another program sends to UDP port ${port}.`,
      'Use the same mode at both ends.',
    ].join(' '),
  ),
  grows(
    'inDropped',
    'interfaceDown',
    ({ count, s, were }, { device }) =>
      `${count} packet${s} of the peer ${were} dropped since the interface ${device} was down. Bring it up with "ip link set dev ${device} up".`,
  ),
  grows(
    'inDropped',
    'rejected',
    ({ count, s }, { device }) =>
      `The kernel refused ${count} malformed packet${s} for ${device}. Check whether another program sends to this port.`,
  ),
  grows(
    'inDropped',
    'noBuffers',
    ({ count, s }, { device }) =>
      `The kernel had no memory for ${count} packet${s} for ${device}. Free memory, or limit the traffic.`,
  ),
  grows(
    'into',
    'receiveErrors',
    ({ count, s }) =>
      `${count} receive${s} failed, for example since the kernel is out of memory. The relay tries again; "dmesg" may have the reason.`,
  ),
  silence,
]

/** Returns the problem of a peer that neither replies nor refuses. */
function silence(facts: Facts): string | undefined {
  const { out, outDropped, peer, isSettled, local, port, peerPort, seconds, hasEverReceived } =
    facts
  const isExplained = [
    out['refusedByPeer'],
    out['unreachableReports'],
    outDropped['unreachable'],
    outDropped['denied'],
  ].some((count) => count !== undefined && count > 0)
  if (!isSettled || received(facts) > 0 || isExplained) return undefined
  const sent = (out['datagramsSent'] ?? 0) + (out['keepalivesSent'] ?? 0)
  if (sent === 0 && hasEverReceived) return undefined
  const when = hasEverReceived ? `for ${seconds} s` : 'since the start of the relay'
  const nothing = `No datagram has come from ${peer} ${when}`
  if (sent === 0) {
    return `${nothing}, and none was sent. Check whether the other end runs and sends to ${local}.`
  }
  const { count, were } = quantityOf(sent)
  return `${nothing}, although ${count} ${were} sent and none was refused. The other end does not run or sends elsewhere, or a firewall drops the datagrams: permit UDP to port ${port} here and to port ${peerPort} there, and watch both ends with "tcpdump -n udp port ${port}".`
}
