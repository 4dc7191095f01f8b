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

/** All counters, in order. */
export const COUNTERS: readonly CounterDescription[] = [
  {
    direction: 'outbound',
    name: 'packetsRead',
    unit: 'packets',
    isDrop: false,
    help: 'Packets read from the interface.',
  },
  {
    direction: 'outbound',
    name: 'bytesRead',
    unit: 'bytes',
    isDrop: false,
    help: 'Bytes of the packets read.',
  },
  {
    direction: 'outbound',
    name: 'superPacketsRead',
    unit: 'packets',
    isDrop: false,
    help: 'Super-packets read. The packets that they were split into are counted as read.',
  },
  {
    direction: 'outbound',
    name: 'packetsSplit',
    unit: 'packets',
    isDrop: false,
    help: 'Packets that super-packets were split into.',
  },
  {
    direction: 'outbound',
    name: 'packetsFragmented',
    unit: 'packets',
    isDrop: false,
    help: 'Packets that were split into fragments, because the path to the peer is narrower than the interface. The fragments are counted as read.',
  },
  {
    direction: 'outbound',
    name: 'readErrors',
    unit: 'calls',
    isDrop: false,
    words: 'failed reads',
    help: 'Reads of the interface that failed. Each is tried again after a pause.',
  },
  {
    direction: 'outbound',
    name: 'datagramsSent',
    unit: 'datagrams',
    isDrop: false,
    help: 'Datagrams that the kernel took for sending.',
  },
  {
    direction: 'outbound',
    name: 'bytesSent',
    unit: 'bytes',
    isDrop: false,
    help: 'Bytes of payload of the datagrams sent, without the headers of UDP and IP.',
  },
  {
    direction: 'outbound',
    name: 'refusedByPeer',
    unit: 'reports',
    isDrop: false,
    words: 'refused by the peer',
    help: 'Reports that nothing listens on the port of the peer. The datagrams count as sent.',
  },
  {
    direction: 'outbound',
    name: 'unreachableReports',
    unit: 'reports',
    isDrop: false,
    words: 'reported unreachable',
    help: 'Reports that the peer could not be reached. The datagrams count as sent.',
  },
  {
    direction: 'outbound',
    name: 'pathMtuReports',
    unit: 'reports',
    isDrop: false,
    words: 'reported too long',
    help: 'Reports that a datagram was too long for the path. The datagrams count as sent.',
  },
  {
    direction: 'outbound',
    name: 'repliesWritten',
    unit: 'packets',
    isDrop: false,
    words: 'ICMP errors to the interface',
    help: 'ICMP errors that the relay wrote into the interface about packets that no peer has a network for, or that are too long for the path.',
  },
  {
    direction: 'outbound',
    name: 'repliesDropped',
    unit: 'packets',
    isDrop: false,
    words: 'ICMP errors lost',
    help: 'ICMP errors that the interface refused, or that waited when the relay was closed.',
  },
  {
    direction: 'outbound',
    name: 'tooLong',
    unit: 'packets',
    isDrop: true,
    words: 'too long',
    help: 'Larger than a datagram, or than the path, can hold.',
  },
  {
    direction: 'outbound',
    name: 'unreachable',
    unit: 'packets',
    isDrop: true,
    words: 'peer unreachable',
    help: 'There is no route to the peer or one that forbids it, or no peer for its destination.',
  },
  {
    direction: 'outbound',
    name: 'denied',
    unit: 'packets',
    isDrop: true,
    words: 'denied',
    help: 'A firewall or policy of this machine forbids it.',
  },
  {
    direction: 'outbound',
    name: 'noBuffers',
    unit: 'packets',
    isDrop: true,
    words: 'no buffers',
    help: 'The socket or the network device has no memory or queue space for it.',
  },
  {
    direction: 'outbound',
    name: 'malformed',
    unit: 'packets',
    isDrop: true,
    words: 'malformed',
    help: 'The header that the kernel put before it does not fit it.',
  },
  {
    direction: 'outbound',
    name: 'closing',
    unit: 'packets',
    isDrop: true,
    words: 'closing',
    help: 'Read, but the relay was closed before it could be sent.',
  },
  {
    direction: 'outbound',
    name: 'other',
    unit: 'packets',
    isDrop: true,
    words: 'other',
    help: 'Refused by the kernel for another reason.',
  },
  {
    direction: 'inbound',
    name: 'datagramsReceived',
    unit: 'datagrams',
    isDrop: false,
    help: 'Datagrams received, from any address.',
  },
  {
    direction: 'inbound',
    name: 'bytesReceived',
    unit: 'bytes',
    isDrop: false,
    help: 'Bytes of payload of the datagrams received.',
  },
  {
    direction: 'inbound',
    name: 'receiveErrors',
    unit: 'calls',
    isDrop: false,
    words: 'failed receives',
    help: 'Receives that failed. Each is tried again after a pause.',
  },
  {
    direction: 'inbound',
    name: 'packetsWritten',
    unit: 'packets',
    isDrop: false,
    help: 'Packets written into the interface.',
  },
  {
    direction: 'inbound',
    name: 'bytesWritten',
    unit: 'bytes',
    isDrop: false,
    help: 'Bytes of the packets written.',
  },
  {
    direction: 'inbound',
    name: 'superPacketsWritten',
    unit: 'packets',
    isDrop: false,
    help: 'Super-packets written. The packets coalesced in them are counted as written.',
  },
  {
    direction: 'inbound',
    name: 'packetsJoined',
    unit: 'packets',
    isDrop: false,
    help: 'Packets that were coalesced into super-packets.',
  },
  {
    direction: 'inbound',
    name: 'foreignSource',
    unit: 'packets',
    isDrop: true,
    words: 'foreign source',
    help: 'Its source address is not that of a peer.',
  },
  {
    direction: 'inbound',
    name: 'empty',
    unit: 'packets',
    isDrop: true,
    words: 'empty',
    help: 'It has no payload.',
  },
  {
    direction: 'inbound',
    name: 'truncated',
    unit: 'packets',
    isDrop: true,
    words: 'truncated',
    help: 'It was longer than the buffer for it.',
  },
  {
    direction: 'inbound',
    name: 'notIp',
    unit: 'packets',
    isDrop: true,
    words: 'not IP',
    help: 'It is neither IPv4 nor IPv6.',
  },
  {
    direction: 'inbound',
    name: 'interfaceDown',
    unit: 'packets',
    isDrop: true,
    words: 'interface down',
    help: 'The interface is down.',
  },
  {
    direction: 'inbound',
    name: 'noBuffers',
    unit: 'packets',
    isDrop: true,
    words: 'no buffers',
    help: 'The kernel had no memory for it.',
  },
  {
    direction: 'inbound',
    name: 'rejected',
    unit: 'packets',
    isDrop: true,
    words: 'rejected',
    help: 'Refused by the kernel for another reason.',
  },
  {
    direction: 'inbound',
    name: 'closing',
    unit: 'packets',
    isDrop: true,
    words: 'closing',
    help: 'Received, but the relay was closed before it could be written.',
  },
]
