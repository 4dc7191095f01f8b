// Written by `npm run generate` from crate/core/src/relay/counters.rs: change that.

/** From the interface to the peer, or from the peer to the interface. */
export type Direction = 'outbound' | 'inbound'

/** A counter of a relay. */
export interface CounterDescription {
  readonly direction: Direction
  /** Its name in `RelayStats`. */
  readonly name: string
  /** Its unit: `packets`, `bytes`, `datagrams`, `reports`, `calls`. */
  readonly unit: string
  /** Whether it is a cause of `dropped`. */
  readonly isDrop: boolean
  /** Its name in the program's output; absent: it is not printed by itself. */
  readonly words?: string
  /** Its description, in sentences. */
  readonly help: string
}

/** The counters without `isDrop: false`. */
const TABLE: readonly (Omit<CounterDescription, 'isDrop'> & { readonly isDrop?: true })[] = [
  {
    direction: 'outbound',
    name: 'packetsRead',
    unit: 'packets',
    help: 'Packets read from the interface.',
  },
  { direction: 'outbound', name: 'bytesRead', unit: 'bytes', help: 'Bytes of the packets read.' },
  {
    direction: 'outbound',
    name: 'superPacketsRead',
    unit: 'packets',
    help: 'Super-packets read. The packets that they were split into are counted as read.',
  },
  {
    direction: 'outbound',
    name: 'packetsSplit',
    unit: 'packets',
    help: 'Packets that super-packets were split into.',
  },
  {
    direction: 'outbound',
    name: 'packetsFragmented',
    unit: 'packets',
    help: 'Packets that were split into fragments, because the path to the peer is narrower than the interface. The fragments are counted as read.',
  },
  {
    direction: 'outbound',
    name: 'packetsMissed',
    unit: 'packets',
    words: 'missed',
    help: 'Packets that the kernel dropped before the relay could read them, mostly because the queue of the interface was full (`tx_dropped` of the interface). They are not counted as read. A super-packet counts as one.',
  },
  {
    direction: 'outbound',
    name: 'readErrors',
    unit: 'calls',
    words: 'failed reads',
    help: 'Reads of the interface that failed. Each is tried again after a pause.',
  },
  {
    direction: 'outbound',
    name: 'datagramsSent',
    unit: 'datagrams',
    help: 'Datagrams that the kernel took for sending.',
  },
  {
    direction: 'outbound',
    name: 'bytesSent',
    unit: 'bytes',
    help: 'Bytes of payload of the datagrams sent, without the headers of UDP and IP.',
  },
  {
    direction: 'outbound',
    name: 'refusedByPeer',
    unit: 'reports',
    words: 'refused by the peer',
    help: 'Reports that nothing listens on the port of the peer. The datagrams count as sent.',
  },
  {
    direction: 'outbound',
    name: 'unreachableReports',
    unit: 'reports',
    words: 'reported unreachable',
    help: 'Reports that the peer could not be reached. The datagrams count as sent.',
  },
  {
    direction: 'outbound',
    name: 'pathMtuReports',
    unit: 'reports',
    words: 'reported too long',
    help: 'Reports that a datagram was too long for the path. The datagrams count as sent.',
  },
  {
    direction: 'outbound',
    name: 'keepalivesSent',
    unit: 'datagrams',
    help: 'Keepalives sent. They are not counted as datagrams.',
  },
  {
    direction: 'outbound',
    name: 'sourcesLost',
    unit: 'calls',
    words: 'local address removed',
    help: 'Sends that the kernel refused because the local address that the peer sends to was removed. Each was repeated with an address that the kernel chose.',
  },
  {
    direction: 'outbound',
    name: 'repliesWritten',
    unit: 'packets',
    words: 'ICMP errors to the interface',
    help: 'ICMP errors that the relay wrote into the interface about packets that no peer has a prefix for, or that are too long for the path.',
  },
  {
    direction: 'outbound',
    name: 'repliesDropped',
    unit: 'packets',
    words: 'ICMP errors lost',
    help: 'ICMP errors that the interface refused, or that waited when the relay was closed.',
  },
  {
    direction: 'outbound',
    name: 'tooLong',
    unit: 'packets',
    words: 'too long',
    help: 'Larger than a datagram, or than the path, can hold.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'unreachable',
    unit: 'packets',
    words: 'peer unreachable',
    help: 'There is no route to the peer or one that forbids it.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'noPeer',
    unit: 'packets',
    words: 'no peer',
    help: 'No peer has a prefix that contains its destination. Its sender gets an ICMP error.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'denied',
    unit: 'packets',
    words: 'denied',
    help: 'A firewall or policy of this machine forbids it.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'noBuffers',
    unit: 'packets',
    words: 'no buffers',
    help: 'The socket or the network device has no memory or queue space for it.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'looped',
    unit: 'packets',
    words: 'looped',
    help: 'A datagram of the relay itself, which a route led back into the interface.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'malformed',
    unit: 'packets',
    words: 'malformed',
    help: 'The header that the kernel put before it does not fit it.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'closing',
    unit: 'packets',
    words: 'closing',
    help: 'Read, but the relay was closed before it could be sent.',
    isDrop: true,
  },
  {
    direction: 'outbound',
    name: 'other',
    unit: 'packets',
    words: 'other',
    help: 'Refused by the kernel for another reason.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'datagramsReceived',
    unit: 'datagrams',
    help: 'Datagrams received, from any address.',
  },
  {
    direction: 'inbound',
    name: 'bytesReceived',
    unit: 'bytes',
    help: 'Bytes of payload of the datagrams received.',
  },
  {
    direction: 'inbound',
    name: 'keepalivesReceived',
    unit: 'datagrams',
    help: 'Keepalives received. They are not written into the interface, and not counted as datagrams.',
  },
  {
    direction: 'inbound',
    name: 'receiveErrors',
    unit: 'calls',
    words: 'failed receives',
    help: 'Receives that failed. Each is tried again after a pause.',
  },
  {
    direction: 'inbound',
    name: 'packetsWritten',
    unit: 'packets',
    help: 'Packets written into the interface.',
  },
  {
    direction: 'inbound',
    name: 'bytesWritten',
    unit: 'bytes',
    help: 'Bytes of the packets written.',
  },
  {
    direction: 'inbound',
    name: 'superPacketsWritten',
    unit: 'packets',
    help: 'Super-packets written. The packets coalesced in them are counted as written.',
  },
  {
    direction: 'inbound',
    name: 'packetsJoined',
    unit: 'packets',
    help: 'Packets that were coalesced into super-packets.',
  },
  {
    direction: 'inbound',
    name: 'ecnMarks',
    unit: 'packets',
    help: 'Packets whose ECN field was changed, because the network changed that of their datagram (RFC 6040). Nearly all of them are marked as congested (CE).',
  },
  {
    direction: 'inbound',
    name: 'foreignSource',
    unit: 'packets',
    words: 'foreign source',
    help: 'Its source address is not that of a peer.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'foreignPrefix',
    unit: 'packets',
    words: 'foreign prefix',
    help: 'The source of its packet is not in a prefix of the peer that sent it.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'empty',
    unit: 'packets',
    words: 'empty',
    help: 'It has no payload.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'truncated',
    unit: 'packets',
    words: 'truncated',
    help: 'It was longer than the buffer for it.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'shortFrame',
    unit: 'packets',
    words: 'short frame',
    help: 'It is shorter than an Ethernet header, in the mode tap.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'notIp',
    unit: 'packets',
    words: 'not IP',
    help: 'It is neither IPv4 nor IPv6.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'notEcnCapable',
    unit: 'packets',
    words: 'congestion',
    help: 'The network marked its datagram as congested (CE), but the packet is not ECN-capable (RFC 6040, 4.2).',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'interfaceDown',
    unit: 'packets',
    words: 'interface down',
    help: 'The interface is down.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'noBuffers',
    unit: 'packets',
    words: 'no buffers',
    help: 'The kernel had no memory for it.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'rejected',
    unit: 'packets',
    words: 'rejected',
    help: 'Refused by the kernel for another reason.',
    isDrop: true,
  },
  {
    direction: 'inbound',
    name: 'closing',
    unit: 'packets',
    words: 'closing',
    help: 'Received, but the relay was closed before it could be written.',
    isDrop: true,
  },
]

/** All counters, in order. */
export const COUNTERS: readonly CounterDescription[] = TABLE.map((counter) => ({
  isDrop: false,
  ...counter,
}))
