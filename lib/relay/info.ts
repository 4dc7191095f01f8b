import type { NativeRelayInfo } from '#binding'

/** A UDP address and port. */
export interface UdpEndpoint {
  /** The IP address, with its zone if it has one. */
  readonly address: string
  /** The port. */
  readonly port: number
}

/** Formats `ADDRESS:PORT`, with IPv6 in brackets (RFC 5952, section 6). */
export function formatEndpoint({ address, port }: UdpEndpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The state of a relay after its start. */
export interface RelayInfo {
  /** Whether datagrams contain IP packets (`tun`) or Ethernet frames (`tap`). */
  readonly mode: 'tun' | 'tap'
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
  /** Local address and port of the socket. */
  readonly local: UdpEndpoint
  /** Address and port that datagrams are sent to. */
  readonly peer: UdpEndpoint
  /**
   * Socket buffer sizes granted by the kernel, in bytes as it counts them (`SO_RCVBUF`, `SO_SNDBUF` of socket(7)).
   */
  readonly buffers: {
    /** For received datagrams. */
    readonly receiveBytes: number
    /** For datagrams to send. */
    readonly sendBytes: number
  }
  /** Number of queues of the interface. Each has its own thread and socket. */
  readonly queues: number
  /** Number of ports that datagrams are sent from, the receiving port included. */
  readonly sourcePorts: number
}

/** Returns the public form of the native relay's state. */
export function toInfo(native: NativeRelayInfo): RelayInfo {
  return {
    mode: native.mode,
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
    sourcePorts: native.sourcePorts,
  }
}
