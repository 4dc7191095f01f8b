import { type InspectOptions, inspect } from 'node:util'
import { u16, u8 } from '../check/fields.ts'
import { putUint16, uint16, uint32 } from './bytes.ts'
import { describe, fieldsOf } from './describe.ts'

const TCP_HEADER_BYTES = 20
const UDP_HEADER_BYTES = 8
const ICMP_HEADER_BYTES = 8
/** The control bits of TCP, from the lowest. */
export const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const
/** Echo reply and request, of ICMP and ICMPv6. */
const ECHO_TYPES: ReadonlySet<number> = new Set([0, 8, 128, 129])

/** The fields that TCP and UDP have in common. */
abstract class Ported {
  /** The header and the payload, a view of the packet. */
  readonly bytes: Uint8Array

  /** @internal */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Source port. Setting it does not change checksums: call `fillChecksums()`. */
  get sourcePort(): number {
    return uint16(this.bytes, 0)
  }

  set sourcePort(port: number) {
    putUint16(this.bytes, 0, u16('sourcePort', port))
  }

  /** Destination port. Setting it does not change checksums: call `fillChecksums()`. */
  get destinationPort(): number {
    return uint16(this.bytes, 2)
  }

  set destinationPort(port: number) {
    putUint16(this.bytes, 2, u16('destinationPort', port))
  }

  /** Returns the fields without the bytes, for `JSON.stringify()` and `console.log()`. */
  abstract toJSON(): Readonly<Record<string, unknown>>

  /** @internal */
  [inspect.custom](depth: number, options: InspectOptions, print: typeof inspect): string {
    return describe(this, depth, options, print)
  }
}

/** A TCP segment (RFC 9293), a view of its packet. */
export class TcpSegment extends Ported {
  /** Sequence number of the first byte, or of SYN. */
  get sequence(): number {
    return uint32(this.bytes, 4)
  }

  /** The sequence number that the sender expects next; valid with `ack`. */
  get acknowledgment(): number {
    return uint32(this.bytes, 8)
  }

  /** Bytes of the header, options included: 20 to 60. */
  get headerBytes(): number {
    return ((this.bytes[12] ?? 0) >>> 4) * 4
  }

  /** The eight control bits, from CWR (128) down to FIN (1). */
  get flags(): number {
    return this.bytes[13] ?? 0
  }

  get fin(): boolean {
    return (this.flags & 0x01) !== 0
  }

  get syn(): boolean {
    return (this.flags & 0x02) !== 0
  }

  get rst(): boolean {
    return (this.flags & 0x04) !== 0
  }

  get psh(): boolean {
    return (this.flags & 0x08) !== 0
  }

  get ack(): boolean {
    return (this.flags & 0x10) !== 0
  }

  get urg(): boolean {
    return (this.flags & 0x20) !== 0
  }

  /** ECN-Echo (RFC 3168). */
  get ece(): boolean {
    return (this.flags & 0x40) !== 0
  }

  /** Congestion Window Reduced (RFC 3168). */
  get cwr(): boolean {
    return (this.flags & 0x80) !== 0
  }

  /** The window field, not scaled. */
  get window(): number {
    return uint16(this.bytes, 14)
  }

  get checksum(): number {
    return uint16(this.bytes, 16)
  }

  get urgentPointer(): number {
    return uint16(this.bytes, 18)
  }

  /** The bytes of the options. */
  get options(): Uint8Array {
    return this.bytes.subarray(TCP_HEADER_BYTES, this.headerBytes)
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerBytes)
  }

  /** Returns the fields without the bytes, for `JSON.stringify()` and `console.log()`. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { sourcePort, destinationPort, sequence, acknowledgment, flags, window } = this
    const names = TCP_FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0)
    const ports = { sourcePort, destinationPort }
    return {
      ...ports,
      flags: names,
      sequence,
      acknowledgment,
      window,
      payloadBytes: this.payload.length,
    }
  }
}

/** A UDP datagram (RFC 768), a view of its packet. */
export class UdpDatagram extends Ported {
  /** Bytes of header and payload, from the header. */
  get lengthBytes(): number {
    return uint16(this.bytes, 4)
  }

  /** 0 if the sender computed none. */
  get checksum(): number {
    return uint16(this.bytes, 6)
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(UDP_HEADER_BYTES, this.lengthBytes)
  }

  /** Returns the fields without the bytes, for `JSON.stringify()` and `console.log()`. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { sourcePort, destinationPort, lengthBytes } = this
    return { sourcePort, destinationPort, lengthBytes, payloadBytes: this.payload.length }
  }
}

/** A message of ICMP (RFC 792) or ICMPv6 (RFC 4443), a view of its packet. */
export class IcmpMessage {
  /** The header and the payload, a view of the packet. */
  readonly bytes: Uint8Array

  /** @internal */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Type: 8 echo request and 0 echo reply of ICMP, 128 and 129 of ICMPv6. Setting it does not change the checksum. */
  get type(): number {
    return this.bytes[0] ?? 0
  }

  set type(type: number) {
    this.bytes[0] = u8('type', type)
  }

  get code(): number {
    return this.bytes[1] ?? 0
  }

  get checksum(): number {
    return uint16(this.bytes, 2)
  }

  /** Identifier of an echo request and its reply. Setting it does not change the checksum. */
  get identifier(): number {
    return uint16(this.bytes, 4)
  }

  set identifier(identifier: number) {
    putUint16(this.bytes, 4, u16('identifier', identifier))
  }

  /** Sequence number of an echo request and its reply. */
  get sequence(): number {
    return uint16(this.bytes, 6)
  }

  /** The bytes after the header of 8 bytes: the data of an echo, or the packet that caused an error. */
  get payload(): Uint8Array {
    return this.bytes.subarray(ICMP_HEADER_BYTES)
  }

  /** Returns the fields without the bytes, for `JSON.stringify()` and `console.log()`. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { type, code } = this
    const echo = ECHO_TYPES.has(type)
      ? { identifier: this.identifier, sequence: this.sequence }
      : {}
    return fieldsOf({ type, code, ...echo, payloadBytes: this.payload.length })
  }

  /** @internal */
  [inspect.custom](depth: number, options: InspectOptions, print: typeof inspect): string {
    return describe(this, depth, options, print)
  }
}

/** Returns the segment in these bytes, or undefined if the header is not whole. */
export function tcpOf(bytes: Uint8Array): TcpSegment | undefined {
  if (bytes.length < TCP_HEADER_BYTES) return undefined
  const segment = new TcpSegment(bytes)
  const { headerBytes } = segment
  return headerBytes >= TCP_HEADER_BYTES && headerBytes <= bytes.length ? segment : undefined
}

/** Returns the datagram in these bytes, or undefined if it is not whole; of a first fragment, its beginning. */
export function udpOf(bytes: Uint8Array, isFragment: boolean): UdpDatagram | undefined {
  if (bytes.length < UDP_HEADER_BYTES) return undefined
  const length = uint16(bytes, 4)
  const isGood = length >= UDP_HEADER_BYTES && (length <= bytes.length || isFragment)
  if (!isGood) return undefined
  return new UdpDatagram(length === bytes.length ? bytes : bytes.subarray(0, length))
}

/** Returns the message in these bytes, or undefined if the header is not whole. */
export function icmpOf(bytes: Uint8Array): IcmpMessage | undefined {
  return bytes.length < ICMP_HEADER_BYTES ? undefined : new IcmpMessage(bytes)
}
