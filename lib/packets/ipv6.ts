import { u8 } from '../check/fields.ts'
import { formatIpv6, parseIp } from './address.ts'
import { uint16, uint32 } from './bytes.ts'
import { type ExtensionChain, type ExtensionHeader, chainOf } from './extensions.ts'
import { IpPacketBase } from './ipBase.ts'
import { type IcmpMessage, icmpOf } from './transport.ts'

const ICMPV6 = 58

/** An IPv6 packet (RFC 8200). A field is read from the bytes when it is used. */
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

  /** How many more routers may forward the packet. */
  get hopLimit(): number {
    return this.bytes[7] ?? 0
  }

  set hopLimit(hops: number) {
    this.bytes[7] = u8('hopLimit', hops)
  }

  /** The protocol after the extension headers, or the type of the first extension header that is not whole. */
  get protocol(): number {
    return this.#extensions.protocol
  }

  /** Identification of the original packet; 0 without a fragment header. */
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

  /** Source address as in RFC 5952. Setting it does not change checksums: call `fillChecksums()`. */
  get source(): string {
    return formatIpv6(this.sourceBytes)
  }

  set source(address: string) {
    this.bytes.set(parseIp('source', address, 6), 8)
  }

  /** Destination address as in RFC 5952. Setting it does not change checksums: call `fillChecksums()`. */
  get destination(): string {
    return formatIpv6(this.destinationBytes)
  }

  set destination(address: string) {
    this.bytes.set(parseIp('destination', address, 6), 24)
  }

  /** The sixteen bytes of the source, a view. */
  get sourceBytes(): Uint8Array {
    return this.bytes.subarray(8, 24)
  }

  /** The sixteen bytes of the destination, a view. */
  get destinationBytes(): Uint8Array {
    return this.bytes.subarray(24, 40)
  }

  /** The extension headers, in order. */
  get extensionHeaders(): readonly ExtensionHeader[] {
    return this.#extensions.headers.map(({ type, start, end }) => ({
      type,
      bytes: this.bytes.subarray(start, end),
    }))
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.#extensions.end)
  }

  /** Always undefined: only IPv4 packets have it. */
  get icmp(): undefined {
    return undefined
  }

  /** The ICMPv6 message, if the packet contains its whole header. */
  get icmpv6(): IcmpMessage | undefined {
    return this.begins(ICMPV6) ? icmpOf(this.payload) : undefined
  }

  /** Whether a routing header has segments left, so that the destination is not the final one. */
  get isRouted(): boolean {
    return this.#extensions.isRouted
  }

  protected moreFields(): Readonly<Record<string, unknown>> {
    const types = this.extensionHeaders.map(({ type }) => type)
    return { flowLabel: this.flowLabel, ...(types.length > 0 ? { extensionHeaders: types } : {}) }
  }

  get #extensions(): ExtensionChain {
    this.#chain ??= chainOf(this.bytes)
    return this.#chain
  }
}
