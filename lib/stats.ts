import type { NativeRelayStats } from '#binding'
import { type OffloadStatus, toOffloadStatus } from './options/offload.ts'

/**
 * Counters of the way from the interface to the peer, since the start.
 *
 * `packetsRead` is `datagramsSent` plus everything in `dropped`. Bytes are those of whole IP packets.
 */
export interface OutboundStats {
  /** Packets read from the interface. */
  packetsRead: number
  /** Their bytes. */
  bytesRead: number
  /** Super-packets among what was read; `packetsRead` counts the packets that they were cut into. */
  superPacketsRead: number
  /** Those of `packetsRead` that super-packets were cut into. */
  packetsSplit: number
  /** Reads of the interface that failed; each is tried again after a pause. */
  readErrors: number
  /** Datagrams handed to the network. */
  datagramsSent: number
  /** Their bytes, the headers of UDP and IP round them not counted. */
  bytesSent: number
  /** Reports that nobody listens on the peer's port; the datagrams they are about count as sent. */
  refusedByPeer: number
  /** Reports that the peer could not be reached; the datagrams they are about count as sent. */
  unreachableReports: number
  /** Reports that a datagram was too long for the path; the datagrams they are about count as sent. */
  pathMtuReports: number
  /** Packets that were not sent, by cause. */
  dropped: {
    /** Larger than a datagram, or than the path, can hold. */
    tooLong: number
    /** There is no way to the peer. */
    unreachable: number
    /** A firewall of this machine forbids it. */
    denied: number
    /** The socket or the network device is full. */
    noBuffers: number
    /** The kernel's own header before it does not fit it. */
    malformed: number
    /** Read when the relay was already closing. */
    closing: number
    /** Any other refusal of the kernel. */
    other: number
  }
}

/**
 * Counters of the way from the peer to the interface, since the start.
 *
 * `datagramsReceived` is `packetsWritten` plus everything in `dropped`.
 */
export interface InboundStats {
  /** Datagrams received, from whomever. */
  datagramsReceived: number
  /** Their bytes. */
  bytesReceived: number
  /** Packets written into the interface. */
  packetsWritten: number
  /** Their bytes. */
  bytesWritten: number
  /** Super-packets among what was written; `packetsWritten` counts the packets joined in them. */
  superPacketsWritten: number
  /** Those of `packetsWritten` that were joined into super-packets. */
  packetsJoined: number
  /** Receives that failed; each is tried again after a pause. */
  receiveErrors: number
  /** Datagrams that did not become a packet, by cause. */
  dropped: {
    /** Not from the peer's address. */
    foreignSource: number
    /** Without a single byte. */
    empty: number
    /** Longer than the buffer for them. */
    truncated: number
    /** Neither version 4 nor version 6. */
    notIp: number
    /** The interface was set down. */
    interfaceDown: number
    /** The kernel was out of memory for packets. */
    noBuffers: number
    /** Any other refusal of the kernel. */
    rejected: number
    /** Received when the relay was already closing. */
    closing: number
  }
}

/** All counters of a relay. They grow only, and stay readable after its end. */
export interface RelayStats {
  /**
   * Which of the kernel's offloads are in use now. `gso` and `coalesce` are off after the kernel refused them, and
   * on again once a trial succeeds; the others stay off.
   */
  offload: OffloadStatus
  /** From the interface to the peer. */
  outbound: OutboundStats
  /** From the peer to the interface. */
  inbound: InboundStats
}

/** The public shape of the native counters: the one place that knows both. */
export function toStats({ offload, outbound: out, inbound }: NativeRelayStats): RelayStats {
  return {
    offload: toOffloadStatus(offload),
    outbound: {
      packetsRead: out.packetsRead,
      bytesRead: out.bytesRead,
      superPacketsRead: out.superPacketsRead,
      packetsSplit: out.packetsSplit,
      readErrors: out.readErrors,
      datagramsSent: out.datagramsSent,
      bytesSent: out.bytesSent,
      refusedByPeer: out.refusedByPeer,
      unreachableReports: out.unreachableReports,
      pathMtuReports: out.pathMtuReports,
      dropped: {
        tooLong: out.tooLong,
        unreachable: out.unreachable,
        denied: out.denied,
        noBuffers: out.noBuffers,
        malformed: out.malformed,
        closing: out.closing,
        other: out.other,
      },
    },
    inbound: {
      datagramsReceived: inbound.datagramsReceived,
      bytesReceived: inbound.bytesReceived,
      packetsWritten: inbound.packetsWritten,
      bytesWritten: inbound.bytesWritten,
      superPacketsWritten: inbound.superPacketsWritten,
      packetsJoined: inbound.packetsJoined,
      receiveErrors: inbound.receiveErrors,
      dropped: {
        foreignSource: inbound.foreignSource,
        empty: inbound.empty,
        truncated: inbound.truncated,
        notIp: inbound.notIp,
        interfaceDown: inbound.interfaceDown,
        noBuffers: inbound.noBuffers,
        rejected: inbound.rejected,
        closing: inbound.closing,
      },
    },
  }
}
