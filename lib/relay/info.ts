import type { NativeRelayInfo } from '#binding'

/** One end of the way over UDP. */
export interface UdpEndpoint {
  /** The IP address, with its zone where it has one. */
  readonly address: string
  /** The port. */
  readonly port: number
}

/** What a relay became when it started. */
export interface RelayInfo {
  /** The interface. */
  readonly interface: {
    /** Its name, as the kernel gave it. */
    readonly name: string
    /** Its index in its network namespace. */
    readonly ifIndex: number
    /** Its MTU in bytes. */
    readonly mtu: number
    /** Its addresses, `ADDRESS/PREFIX`, the primary one first. */
    readonly addresses: readonly string[]
  }
  /** Where datagrams are received, and sent from. */
  readonly local: UdpEndpoint
  /** Where datagrams are sent to. */
  readonly peer: UdpEndpoint
  /** What the kernel granted the socket, in bytes as it counts them (`SO_RCVBUF`, `SO_SNDBUF` of socket(7)). */
  readonly buffers: {
    /** For datagrams received. */
    readonly receiveBytes: number
    /** For datagrams to send. */
    readonly sendBytes: number
  }
  /** Queues of the interface, each with a thread and a socket of its own. */
  readonly queues: number
}

/** The public shape of what the native relay tells of itself. */
export function toInfo(native: NativeRelayInfo): RelayInfo {
  return {
    interface: {
      name: native.interfaceName,
      ifIndex: native.interfaceIndex,
      mtu: native.mtu,
      addresses: native.addresses,
    },
    local: { address: native.localAddress, port: native.localPort },
    peer: { address: native.peerAddress, port: native.peerPort },
    buffers: { receiveBytes: native.receiveBufferBytes, sendBytes: native.sendBufferBytes },
    queues: native.queues,
  }
}
