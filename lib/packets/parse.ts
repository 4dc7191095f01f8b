import { checkBytes } from './bytes.ts'
import { type EthernetFrame, frameOf } from './frame.ts'
import { ipPacketOf } from './ip.ts'
import type { Ipv4Packet } from './ipv4.ts'
import type { Ipv6Packet } from './ipv6.ts'

/**
 * Looks at a packet of a TUN device: a view of it, which copies nothing and reads a field when it is asked for.
 *
 * It answers `undefined` where the bytes are no whole IPv4 or IPv6 packet, which whoever reads from a network must
 * expect. What stands behind the packet is left out. A packet of `packetInformation` begins four bytes later.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` when it is no Uint8Array.
 *
 * @example
 * const packet = parsePacket(bytes)
 * if (packet?.udp?.destinationPort === 53) console.log(packet.source)
 */
export function parsePacket(bytes: Uint8Array): Ipv4Packet | Ipv6Packet | undefined {
  checkBytes('packet', bytes)
  return ipPacketOf(bytes)
}

/**
 * Looks at a frame of a TAP device in the same way; `packet` and `arp` of it look on.
 *
 * It answers `undefined` where the bytes are shorter than an Ethernet header.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` when it is no Uint8Array.
 */
export function parseFrame(bytes: Uint8Array): EthernetFrame | undefined {
  checkBytes('frame', bytes)
  return frameOf(bytes)
}
