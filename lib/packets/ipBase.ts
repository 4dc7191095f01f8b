import { type InspectOptions, inspect } from 'node:util'
import { describe, fieldsOf } from './describe.ts'
import { type IcmpMessage, type TcpSegment, type UdpDatagram, tcpOf, udpOf } from './transport.ts'

const TCP = 6
const UDP = 17

/** The fields that IPv4 and IPv6 packets have in common. */
export abstract class IpPacketBase {
  /** The bytes of the packet, without anything after it. */
  readonly bytes: Uint8Array
  /** Null means not parsed yet; undefined means that there is none. */
  #tcp: TcpSegment | undefined | null = null
  #udp: UdpDatagram | undefined | null = null

  /** @internal */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** The protocol number of the payload (IANA): 6 for TCP, 17 for UDP. */
  abstract readonly protocol: number
  /** The bytes after the IP headers. */
  abstract readonly payload: Uint8Array
  /** The offset of a fragment in the payload of the original packet, in bytes; 0 if this is not a fragment. */
  abstract readonly fragmentOffsetBytes: number
  /** Whether other fragments follow this one. */
  abstract readonly moreFragments: boolean

  /** Bytes of the whole packet. */
  get totalBytes(): number {
    return this.bytes.length
  }

  /** Whether this is a fragment of a packet. */
  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffsetBytes > 0
  }

  /** The TCP segment, if the packet contains its whole header. */
  get tcp(): TcpSegment | undefined {
    if (this.#tcp === null) this.#tcp = this.begins(TCP) ? tcpOf(this.payload) : undefined
    return this.#tcp
  }

  /** The UDP datagram, if the packet contains a whole one or is the first fragment of one. */
  get udp(): UdpDatagram | undefined {
    if (this.#udp === null)
      this.#udp = this.begins(UDP) ? udpOf(this.payload, this.isFragment) : undefined
    return this.#udp
  }

  abstract readonly version: 4 | 6
  abstract readonly source: string
  abstract readonly destination: string
  abstract readonly hopLimit: number
  abstract readonly identification: number
  abstract readonly icmp: IcmpMessage | undefined
  abstract readonly icmpv6: IcmpMessage | undefined

  /** Returns the fields without the bytes, for `JSON.stringify()` and `console.log()`. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { isFragment } = this
    return fieldsOf({
      version: this.version,
      source: this.source,
      destination: this.destination,
      protocol: this.protocol,
      hopLimit: this.hopLimit,
      totalBytes: this.totalBytes,
      ...this.moreFields(),
      ...(isFragment
        ? {
            identification: this.identification,
            fragmentOffsetBytes: this.fragmentOffsetBytes,
            moreFragments: this.moreFragments,
          }
        : {}),
      tcp: this.tcp,
      udp: this.udp,
      icmp: this.icmp,
      icmpv6: this.icmpv6,
    })
  }

  /** @internal */
  [inspect.custom](depth: number, options: InspectOptions, print: typeof inspect): string {
    return describe(this, depth, options, print)
  }

  /** Returns the fields that only packets of this version have. */
  protected abstract moreFields(): Readonly<Record<string, unknown>>

  /** Whether the payload begins with the header of that protocol, which a fragment other than the first does not. */
  protected begins(protocol: number): boolean {
    return this.protocol === protocol && this.fragmentOffsetBytes === 0
  }
}
