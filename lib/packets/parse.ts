import { checkBytes } from './bytes.ts'
import { type EthernetFrame, frameOf } from './frame.ts'
import { ipPacketOf } from './ip.ts'
import type { Ipv4Packet } from './ipv4.ts'
import type { Ipv6Packet } from './ipv6.ts'

/**
 * Returns a view of a packet of a TUN device, which copies no bytes and reads a field when it is used.
 *
 * It returns `undefined` if the bytes are not a whole IPv4 or IPv6 packet. Such packets are normal on a network. Bytes
 * after the packet are left out. With `packetInformation`, the packet begins at offset 4.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if the argument is not a Uint8Array.
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
 * Returns a view of a frame of a TAP device; its `packet` and `arp` are views of what it contains.
 *
 * It returns `undefined` if the bytes are shorter than an Ethernet header.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if the argument is not a Uint8Array.
 */
export function parseFrame(bytes: Uint8Array): EthernetFrame | undefined {
  checkBytes('frame', bytes)
  return frameOf(bytes)
}
