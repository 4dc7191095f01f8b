import { u8 } from '../check/fields.ts'
import { formatIpv4, parseIp } from './address.ts'
import { uint16 } from './bytes.ts'
import { IpPacketBase } from './ipBase.ts'
import { type IcmpMessage, icmpOf } from './transport.ts'

const ICMP = 1

/** An IPv4 packet (RFC 791). A field is read from the bytes when it is used. */
export class Ipv4Packet extends IpPacketBase {
  readonly version = 4

  /** Bytes of the header, options included: 20 to 60. */
  get headerBytes(): number {
    return ((this.bytes[0] ?? 0) & 0x0f) * 4
  }

  /** Differentiated services code point (RFC 2474), 0 to 63. */
  get dscp(): number {
    return (this.bytes[1] ?? 0) >>> 2
  }

  /** Explicit congestion notification (RFC 3168), 0 to 3. */
  get ecn(): number {
    return (this.bytes[1] ?? 0) & 0x03
  }

  get identification(): number {
    return uint16(this.bytes, 4)
  }

  get dontFragment(): boolean {
    return ((this.bytes[6] ?? 0) & 0x40) !== 0
  }

  get moreFragments(): boolean {
    return ((this.bytes[6] ?? 0) & 0x20) !== 0
  }

  get fragmentOffsetBytes(): number {
    return (uint16(this.bytes, 6) & 0x1fff) * 8
  }

  /** How many more routers may forward the packet (TTL). Setting it does not change the checksum: call `fillChecksums()`. */
  get hopLimit(): number {
    return this.bytes[8] ?? 0
  }

  set hopLimit(hops: number) {
    this.bytes[8] = u8('hopLimit', hops)
  }

  get protocol(): number {
    return this.bytes[9] ?? 0
  }

  /** Checksum of the header. */
  get checksum(): number {
    return uint16(this.bytes, 10)
  }

  /** Source address. Setting it does not change checksums: call `fillChecksums()`. */
  get source(): string {
    return formatIpv4(this.sourceBytes)
  }

  set source(address: string) {
    this.bytes.set(parseIp('source', address, 4), 12)
  }

  /** Destination address. Setting it does not change checksums: call `fillChecksums()`. */
  get destination(): string {
    return formatIpv4(this.destinationBytes)
  }

  set destination(address: string) {
    this.bytes.set(parseIp('destination', address, 4), 16)
  }

  /** The four bytes of the source, a view. */
  get sourceBytes(): Uint8Array {
    return this.bytes.subarray(12, 16)
  }

  /** The four bytes of the destination, a view. */
  get destinationBytes(): Uint8Array {
    return this.bytes.subarray(16, 20)
  }

  /** The bytes of the options. */
  get options(): Uint8Array {
    return this.bytes.subarray(20, this.headerBytes)
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerBytes)
  }

  /** The ICMP message, if the packet contains its whole header. */
  get icmp(): IcmpMessage | undefined {
    return this.begins(ICMP) ? icmpOf(this.payload) : undefined
  }

  /** Always undefined: only IPv6 packets have it. */
  get icmpv6(): undefined {
    return undefined
  }

  protected moreFields(): Readonly<Record<string, unknown>> {
    return { dontFragment: this.dontFragment }
  }
}
