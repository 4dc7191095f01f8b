import { uint16 } from './bytes.ts'
import { Ipv4Packet } from './ipv4.ts'
import { Ipv6Packet } from './ipv6.ts'

const IPV4_HEADER_BYTES = 20
const IPV6_HEADER_BYTES = 40

/** Returns the packet at the start of these bytes, or undefined if it is not whole. */
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

/** Returns the first bytes. Comparing lengths is cheaper than creating a view. */
function only(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.length === length ? bytes : bytes.subarray(0, length)
}
