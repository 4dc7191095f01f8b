import { u32 } from '../check/fields.ts'
import { checkBytes, putUint16, uint16 } from './bytes.ts'
import { Ipv4Packet } from './ipv4.ts'
import { Ipv6Packet } from './ipv6.ts'
import { parsePacket } from './parse.ts'

/** Whether the checksums of a packet are correct; undefined for a checksum that is absent or cannot be verified. */
export interface ChecksumVerdict {
  /** The checksum of the IPv4 header. */
  readonly header: boolean | undefined
  /** The checksum of TCP, UDP, ICMP or ICMPv6. */
  readonly transport: boolean | undefined
}

/** The offset of the checksum in the header of a protocol (RFC 9293, 768, 792, 4443). */
const CHECKSUM_AT: ReadonlyMap<number, number> = new Map([
  [6, 16],
  [17, 6],
  [1, 2],
  [58, 2],
])
const ICMP = 1
const UDP = 17
const HEADER_CHECKSUM_AT = 10

/**
 * Returns the internet checksum (RFC 1071) of bytes: the complement of the sum of their 16-bit words, 0 to 65535.
 *
 * It is 0 for data that contains its own correct checksum.
 *
 * @param initial a sum to start with, such as the sum of a pseudo-header: a whole number from 0 to 4294967295.
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function internetChecksum(bytes: Uint8Array, initial = 0): number {
  checkBytes('bytes', bytes)
  return checksumOf(bytes, u32('initial', initial))
}

function checksumOf(bytes: Uint8Array, initial = 0): number {
  return ~fold(sumOf(bytes) + initial) & 0xffff
}

/**
 * Writes the checksums of a packet: of the IPv4 header, and of TCP, UDP, ICMP or ICMPv6.
 *
 * It skips the transport checksum of fragments, and of IPv6 packets whose routing header has segments left, because that
 * checksum depends on more than this packet. Bytes that are not a whole IP packet are not changed.
 *
 * @param packet the bytes of a packet, or a view from `parsePacket()`.
 */
export function fillChecksums(packet: Uint8Array | Ipv4Packet | Ipv6Packet): void {
  const view = viewOf(packet)
  if (!view) return
  if (view instanceof Ipv4Packet) {
    const header = view.bytes.subarray(0, view.headerBytes)
    putUint16(header, HEADER_CHECKSUM_AT, 0)
    putUint16(header, HEADER_CHECKSUM_AT, checksumOf(header))
  }
  const bytes = transportOf(view)
  const at = CHECKSUM_AT.get(view.protocol)
  if (!bytes || at === undefined) return
  putUint16(bytes, at, 0)
  const checksum = checksumOf(bytes, pseudoHeaderSum(view, bytes.length))
  // In UDP, zero means that there is no checksum.
  putUint16(bytes, at, checksum === 0 && view.protocol === UDP ? 0xffff : checksum)
}

/**
 * Verifies the checksums of a packet.
 *
 * @param packet the bytes of a packet, or a view from `parsePacket()`.
 */
export function verifyChecksums(packet: Uint8Array | Ipv4Packet | Ipv6Packet): ChecksumVerdict {
  const view = viewOf(packet)
  if (!view) return { header: undefined, transport: undefined }
  const header =
    view instanceof Ipv4Packet
      ? checksumOf(view.bytes.subarray(0, view.headerBytes)) === 0
      : undefined
  return { header, transport: verifyTransport(view) }
}

function verifyTransport(packet: Ipv4Packet | Ipv6Packet): boolean | undefined {
  const bytes = transportOf(packet)
  if (!bytes) return undefined
  // Only IPv4 allows a datagram without a checksum (RFC 768, RFC 8200 section 8.1).
  if (packet.udp?.checksum === 0) return packet.version === 4 ? undefined : false
  return checksumOf(bytes, pseudoHeaderSum(packet, bytes.length)) === 0
}

/** Returns the bytes that the transport checksum covers, or undefined if it depends on more than this packet. */
function transportOf(packet: Ipv4Packet | Ipv6Packet): Uint8Array | undefined {
  if (packet.isFragment || (packet instanceof Ipv6Packet && packet.isRouted)) return undefined
  return (packet.tcp ?? packet.udp ?? packet.icmp ?? packet.icmpv6)?.bytes
}

/** Returns the sum of the pseudo-header: addresses, length and protocol (RFC 9293, RFC 8200 section 8.1). */
function pseudoHeaderSum({ version, bytes, protocol }: Ipv4Packet | Ipv6Packet, length: number) {
  if (protocol === ICMP) return 0
  const addresses = version === 4 ? sumOf(bytes, 12, 20) : sumOf(bytes, 8, 40)
  return addresses + protocol + length
}

/** Returns the sum of the 16-bit words; the last one is padded with a zero byte. */
function sumOf(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const last = end - 1
  let sum = 0
  let at = start
  for (; at < last; at += 2) sum += uint16(bytes, at)
  return at === last ? sum + (bytes[last] ?? 0) * 256 : sum
}

function fold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000)
  return folded
}

function viewOf(packet: unknown): Ipv4Packet | Ipv6Packet | undefined {
  return isView(packet) ? packet : parsePacket(packet as Uint8Array)
}

function isView(packet: unknown): packet is Ipv4Packet | Ipv6Packet {
  try {
    return packet instanceof Ipv4Packet || packet instanceof Ipv6Packet
  } catch {
    // A Proxy that throws or was revoked.
    return false
  }
}
