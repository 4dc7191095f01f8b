import { formatIpv4, formatIpv6, parseIp } from './address.ts'
import { uint16, uint32 } from './bytes.ts'
import { type ExtensionChain, type ExtensionHeader, chainOf } from './extensions.ts'
import {
  type IcmpMessage,
  type TcpSegment,
  type UdpDatagram,
  icmpOf,
  tcpOf,
  udpOf,
} from './transport.ts'

const IPV4_HEADER_BYTES = 20
const IPV6_HEADER_BYTES = 40
const ICMP = 1
const TCP = 6
const UDP = 17
const ICMPV6 = 58

/** What IPv4 and IPv6 packets share. */
abstract class IpPacketBase {
  /** The whole packet, and nothing behind it. */
  readonly bytes: Uint8Array
  /** Null is not looked at yet; undefined is an answer. */
  #tcp: TcpSegment | undefined | null = null
  #udp: UdpDatagram | undefined | null = null

  /** @internal */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** What the payload is, an assigned protocol number: 6 for TCP, 17 for UDP. */
  abstract readonly protocol: number
  /** What follows the headers of IP. */
  abstract readonly payload: Uint8Array
  /** Where the payload of a fragment stands in the whole, in bytes; 0 too where there are no fragments. */
  abstract readonly fragmentOffsetBytes: number
  /** Whether other fragments come after this one. */
  abstract readonly moreFragments: boolean

  /** Bytes of the whole packet. */
  get totalBytes(): number {
    return this.bytes.length
  }

  /** Whether this is one fragment of a packet. */
  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffsetBytes > 0
  }

  /** The TCP segment, where the packet begins with one whole header. */
  get tcp(): TcpSegment | undefined {
    if (this.#tcp === null) this.#tcp = this.begins(TCP) ? tcpOf(this.payload) : undefined
    return this.#tcp
  }

  /** The UDP datagram, where the packet holds a whole one, or is the first fragment of one. */
  get udp(): UdpDatagram | undefined {
    if (this.#udp === null)
      this.#udp = this.begins(UDP) ? udpOf(this.payload, this.isFragment) : undefined
    return this.#udp
  }

  /** Whether the payload begins with the header of that protocol: a fragment other than the first does not. */
  protected begins(protocol: number): boolean {
    return this.protocol === protocol && this.fragmentOffsetBytes === 0
  }
}

/** An IPv4 packet (RFC 791): each field is read from its bytes when it is asked for. */
export class Ipv4Packet extends IpPacketBase {
  readonly version = 4

  /** Bytes of the header with its options, 20 to 60. */
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

  /** Routers that it may still pass. Setting it leaves the checksum as it is: `fillChecksums()`. */
  get hopLimit(): number {
    return this.bytes[8] ?? 0
  }

  set hopLimit(hops: number) {
    this.bytes[8] = hops
  }

  get protocol(): number {
    return this.bytes[9] ?? 0
  }

  /** Checksum of the header. */
  get checksum(): number {
    return uint16(this.bytes, 10)
  }

  /** Where it comes from. Setting it leaves checksums as they are: `fillChecksums()`. */
  get source(): string {
    return formatIpv4(this.sourceBytes)
  }

  set source(address: string) {
    this.bytes.set(parseIp(address, 4), 12)
  }

  /** Where it goes to. Setting it leaves checksums as they are: `fillChecksums()`. */
  get destination(): string {
    return formatIpv4(this.destinationBytes)
  }

  set destination(address: string) {
    this.bytes.set(parseIp(address, 4), 16)
  }

  /** The four bytes of the source, a view. */
  get sourceBytes(): Uint8Array {
    return this.bytes.subarray(12, 16)
  }

  /** The four bytes of the destination, a view. */
  get destinationBytes(): Uint8Array {
    return this.bytes.subarray(16, 20)
  }

  /** The options, as they stand in the header. */
  get options(): Uint8Array {
    return this.bytes.subarray(20, this.headerBytes)
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerBytes)
  }

  /** The ICMP message, where the packet begins with one. */
  get icmp(): IcmpMessage | undefined {
    return this.begins(ICMP) ? icmpOf(this.payload) : undefined
  }

  /** Only in IPv6 packets. */
  get icmpv6(): undefined {
    return undefined
  }
}

/** An IPv6 packet (RFC 8200): each field is read from its bytes when it is asked for. */
export class Ipv6Packet extends IpPacketBase {
  readonly version = 6
  #chain: ExtensionChain | undefined

  /** Bytes of the headers of IP: the fixed 40, and the extension headers. */
  get headerBytes(): number {
    return this.#extensions.end
  }

  /** Differentiated services code point (RFC 2474), 0 to 63. */
  get dscp(): number {
    return (uint16(this.bytes, 0) >>> 6) & 0x3f
  }

  /** Explicit congestion notification (RFC 3168), 0 to 3. */
  get ecn(): number {
    return (uint16(this.bytes, 0) >>> 4) & 0x03
  }

  /** Flow label (RFC 6437), 20 bits. */
  get flowLabel(): number {
    return uint32(this.bytes, 0) & 0xf_ffff
  }

  /** The type of the header after the fixed one: an extension header, or the protocol. */
  get nextHeader(): number {
    return this.bytes[6] ?? 0
  }

  /** Routers that it may still pass. */
  get hopLimit(): number {
    return this.bytes[7] ?? 0
  }

  set hopLimit(hops: number) {
    this.bytes[7] = hops
  }

  /** What stands behind the extension headers; the type of the first that is not whole, if there is one. */
  get protocol(): number {
    return this.#extensions.protocol
  }

  /** Identification of the packet that this is a fragment of; 0 where there is no fragment header. */
  get identification(): number {
    const at = this.#extensions.fragmentAt
    return at === undefined ? 0 : uint32(this.bytes, at + 4)
  }

  get moreFragments(): boolean {
    const at = this.#extensions.fragmentAt
    return at !== undefined && ((this.bytes[at + 3] ?? 0) & 0x01) !== 0
  }

  get fragmentOffsetBytes(): number {
    const at = this.#extensions.fragmentAt
    return at === undefined ? 0 : uint16(this.bytes, at + 2) & 0xfff8
  }

  /** Where it comes from, in the form of RFC 5952. Setting it leaves checksums as they are: `fillChecksums()`. */
  get source(): string {
    return formatIpv6(this.sourceBytes)
  }

  set source(address: string) {
    this.bytes.set(parseIp(address, 6), 8)
  }

  /** Where it goes to, in the form of RFC 5952. Setting it leaves checksums as they are: `fillChecksums()`. */
  get destination(): string {
    return formatIpv6(this.destinationBytes)
  }

  set destination(address: string) {
    this.bytes.set(parseIp(address, 6), 24)
  }

  /** The sixteen bytes of the source, a view. */
  get sourceBytes(): Uint8Array {
    return this.bytes.subarray(8, 24)
  }

  /** The sixteen bytes of the destination, a view. */
  get destinationBytes(): Uint8Array {
    return this.bytes.subarray(24, 40)
  }

  /** The extension headers in their order. */
  get extensionHeaders(): readonly ExtensionHeader[] {
    return this.#extensions.headers.map(({ type, start, end }) => ({
      type,
      bytes: this.bytes.subarray(start, end),
    }))
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.#extensions.end)
  }

  /** Only in IPv4 packets. */
  get icmp(): undefined {
    return undefined
  }

  /** The ICMPv6 message, where the packet begins with one. */
  get icmpv6(): IcmpMessage | undefined {
    return this.begins(ICMPV6) ? icmpOf(this.payload) : undefined
  }

  /** Whether it has stations to visit still (routing header), so that its destination is not yet the last. */
  get isRouted(): boolean {
    return this.#extensions.isRouted
  }

  get #extensions(): ExtensionChain {
    this.#chain ??= chainOf(this.bytes)
    return this.#chain
  }
}

/** The packet that these bytes begin with, if they hold a whole one. */
export function ipPacketOf(bytes: Uint8Array): Ipv4Packet | Ipv6Packet | undefined {
  const version = (bytes[0] ?? 0) >>> 4
  if (version === 4) return ipv4Of(bytes)
  return version === 6 ? ipv6Of(bytes) : undefined
}

function ipv4Of(bytes: Uint8Array): Ipv4Packet | undefined {
  const headerBytes = ((bytes[0] ?? 0) & 0x0f) * 4
  const totalBytes = uint16(bytes, 2)
  const isWhole =
    headerBytes >= IPV4_HEADER_BYTES && totalBytes >= headerBytes && totalBytes <= bytes.length
  return isWhole ? new Ipv4Packet(only(bytes, totalBytes)) : undefined
}

function ipv6Of(bytes: Uint8Array): Ipv6Packet | undefined {
  const totalBytes = IPV6_HEADER_BYTES + uint16(bytes, 4)
  return totalBytes <= bytes.length ? new Ipv6Packet(only(bytes, totalBytes)) : undefined
}

/** A view costs more than a comparison. */
function only(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.length === length ? bytes : bytes.subarray(0, length)
}
