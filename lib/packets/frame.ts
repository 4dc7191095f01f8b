import { type InspectOptions, inspect } from 'node:util'
import { u16 } from '../check/fields.ts'
import { formatMac, parseMac } from '../check/mac.ts'
import { formatIpv4, parseIp } from './address.ts'
import { putUint16, uint16 } from './bytes.ts'
import { describe, fieldsOf } from './describe.ts'
import { ipPacketOf } from './ip.ts'
import type { Ipv4Packet } from './ipv4.ts'
import type { Ipv6Packet } from './ipv6.ts'

const ADDRESSES_BYTES = 12
const ARP_BYTES = 28
export const ETHERTYPE_IPV4 = 0x0800
export const ETHERTYPE_ARP = 0x0806
export const ETHERTYPE_IPV6 = 0x86dd
/** The types of 802.1Q, of 802.1ad, and of older outer tags. */
export const TAG_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100])

/** A tag of IEEE 802.1Q or 802.1ad. */
export interface VlanTag {
  /** Type of the tag: 0x8100, 0x88a8 or 0x9100. */
  readonly type: number
  /** Number of the VLAN, 0 to 4095. */
  readonly id: number
  /** Priority code point, 0 to 7. */
  readonly priority: number
  /** Whether the frame may be dropped before others. */
  readonly dropEligible: boolean
}

/** An Ethernet frame of a TAP device, without its check sequence. A field is read when it is used. */
export class EthernetFrame {
  /** The whole frame, padding included. */
  readonly bytes: Uint8Array
  /** Bytes of the header, tags included. */
  readonly headerBytes: number

  /** @internal */
  constructor(bytes: Uint8Array, headerBytes: number) {
    this.bytes = bytes
    this.headerBytes = headerBytes
  }

  /** MAC address of the receiver. */
  get destination(): string {
    return formatMac(this.destinationBytes)
  }

  set destination(mac: string) {
    this.bytes.set(parseMac(mac, 'destination'), 0)
  }

  /** MAC address of the sender. */
  get source(): string {
    return formatMac(this.sourceBytes)
  }

  set source(mac: string) {
    this.bytes.set(parseMac(mac, 'source'), 6)
  }

  /** The six bytes of the destination, a view. */
  get destinationBytes(): Uint8Array {
    return this.bytes.subarray(0, 6)
  }

  /** The six bytes of the source, a view. */
  get sourceBytes(): Uint8Array {
    return this.bytes.subarray(6, 12)
  }

  /** Whether the destination is a group address, broadcast included. */
  get isMulticast(): boolean {
    return ((this.bytes[0] ?? 0) & 0x01) !== 0
  }

  /** Whether the destination is the broadcast address. */
  get isBroadcast(): boolean {
    return this.destinationBytes.every((byte) => byte === 0xff)
  }

  /** The VLAN tags, the outer one first. */
  get vlanTags(): readonly VlanTag[] {
    const tags: VlanTag[] = []
    for (let at = ADDRESSES_BYTES; at < this.headerBytes - 2; at += 4) {
      const control = uint16(this.bytes, at + 2)
      tags.push({
        type: uint16(this.bytes, at),
        id: control & 0x0fff,
        priority: control >>> 13,
        dropEligible: (control & 0x1000) !== 0,
      })
    }
    return tags
  }

  /** EtherType of the payload: 0x0800 IPv4, 0x86dd IPv6, 0x0806 ARP; below 1536 the length of the payload (IEEE 802.3). */
  get etherType(): number {
    return uint16(this.bytes, this.headerBytes - 2)
  }

  /** The bytes after the header, padding included. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerBytes)
  }

  /** The IP packet, if the frame contains a whole one. */
  get packet(): Ipv4Packet | Ipv6Packet | undefined {
    const { etherType } = this
    if (etherType !== ETHERTYPE_IPV4 && etherType !== ETHERTYPE_IPV6) return undefined
    const packet = ipPacketOf(this.payload)
    return packet?.version === (etherType === ETHERTYPE_IPV4 ? 4 : 6) ? packet : undefined
  }

  /** The ARP packet, if the frame contains one. */
  get arp(): ArpPacket | undefined {
    return this.etherType === ETHERTYPE_ARP ? arpOf(this.payload) : undefined
  }

  /** Returns the fields without the bytes, for `JSON.stringify()` and `console.log()`. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { source, destination, etherType, vlanTags, packet, arp } = this
    const tags = vlanTags.length > 0 ? vlanTags : undefined
    const payloadBytes = this.payload.length
    return fieldsOf({ source, destination, etherType, vlanTags: tags, payloadBytes, packet, arp })
  }

  /** @internal */
  [inspect.custom](depth: number, options: InspectOptions, print: typeof inspect): string {
    return describe(this, depth, options, print)
  }
}

/** An ARP packet for IPv4 over Ethernet (RFC 826). A field is read when it is used. */
export class ArpPacket {
  /** The bytes of the packet, without padding. */
  readonly bytes: Uint8Array

  /** @internal */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** 1 for a request, 2 for a reply. */
  get operation(): number {
    return uint16(this.bytes, 6)
  }

  set operation(operation: number) {
    putUint16(this.bytes, 6, u16('operation', operation))
  }

  get senderMac(): string {
    return formatMac(this.bytes.subarray(8, 14))
  }

  set senderMac(mac: string) {
    this.bytes.set(parseMac(mac, 'senderMac'), 8)
  }

  get senderIp(): string {
    return formatIpv4(this.bytes.subarray(14, 18))
  }

  set senderIp(address: string) {
    this.bytes.set(parseIp('senderIp', address, 4), 14)
  }

  get targetMac(): string {
    return formatMac(this.bytes.subarray(18, 24))
  }

  set targetMac(mac: string) {
    this.bytes.set(parseMac(mac, 'targetMac'), 18)
  }

  get targetIp(): string {
    return formatIpv4(this.bytes.subarray(24, 28))
  }

  set targetIp(address: string) {
    this.bytes.set(parseIp('targetIp', address, 4), 24)
  }

  /** Returns the fields without the bytes, for `JSON.stringify()` and `console.log()`. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { operation, senderMac, senderIp, targetMac, targetIp } = this
    return { operation, senderMac, senderIp, targetMac, targetIp }
  }

  /** @internal */
  [inspect.custom](depth: number, options: InspectOptions, print: typeof inspect): string {
    return describe(this, depth, options, print)
  }
}

/** Returns the frame in these bytes, or undefined if the header is not whole. */
export function frameOf(bytes: Uint8Array): EthernetFrame | undefined {
  let typeAt = ADDRESSES_BYTES
  while (typeAt + 6 <= bytes.length && TAG_TYPES.has(uint16(bytes, typeAt))) typeAt += 4
  return typeAt + 2 <= bytes.length ? new EthernetFrame(bytes, typeAt + 2) : undefined
}

/** Returns the ARP packet in these bytes, or undefined if it is not a whole one of Ethernet and IPv4. */
function arpOf(bytes: Uint8Array): ArpPacket | undefined {
  const isOfIpv4 =
    bytes.length >= ARP_BYTES &&
    uint16(bytes, 0) === 1 &&
    uint16(bytes, 2) === ETHERTYPE_IPV4 &&
    bytes[4] === 6 &&
    bytes[5] === 4
  return isOfIpv4 ? new ArpPacket(bytes.subarray(0, ARP_BYTES)) : undefined
}
