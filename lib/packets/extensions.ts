import { uint16 } from './bytes.ts'

/** An IPv6 extension header. */
export interface ExtensionHeader {
  /** 0 hop-by-hop options, 43 routing, 44 fragment, 51 authentication, 60 destination options, 135 mobility. */
  readonly type: number
  /** The bytes of the header, a view of the packet. */
  readonly bytes: Uint8Array
}

/** The extension headers between the fixed header of an IPv6 packet and its payload. */
export interface ExtensionChain {
  /** The type of each header, and its position in the packet. */
  readonly headers: readonly {
    readonly type: number
    readonly start: number
    readonly end: number
  }[]
  /** The protocol after the headers, or the type of the first header that is not whole. */
  readonly protocol: number
  /** The offset of the payload. */
  readonly end: number
  /** The offset of the fragment header. */
  readonly fragmentAt: number | undefined
  /** Whether a routing header has segments left, so that the destination is not the final one. */
  readonly isRouted: boolean
}

const FIXED_HEADER_BYTES = 40
const SHORTEST_HEADER_BYTES = 8
const ROUTING = 43
const FRAGMENT = 44
const AUTHENTICATION = 51
/** The offset of a fragment in its 16-bit field, in bytes. */
const OFFSET_MASK = 0xfff8
/** Hop-by-hop options, routing, fragment, authentication, destination options, mobility, HIP, Shim6 (IANA). */
const EXTENSION_HEADERS: ReadonlySet<number> = new Set([0, 43, 44, 51, 60, 135, 139, 140])

/** Returns the extension headers of an IPv6 packet whose fixed header is whole. */
export function chainOf(packet: Uint8Array): ExtensionChain {
  const headers: { type: number; start: number; end: number }[] = []
  let type = packet[6] ?? 0
  let start = FIXED_HEADER_BYTES
  let fragmentAt: number | undefined
  let isRouted = false
  for (;;) {
    const end = endOf(packet, type, start)
    if (end === undefined) break
    headers.push({ type, start, end })
    const next = packet[start] ?? 0
    if (type === ROUTING && (packet[start + 3] ?? 0) > 0) isRouted = true
    if (type === FRAGMENT) {
      fragmentAt ??= start
      // A fragment other than the first continues in the middle of the payload.
      if ((uint16(packet, start + 2) & OFFSET_MASK) > 0)
        return { headers, protocol: next, end, fragmentAt, isRouted }
    }
    type = next
    start = end
  }
  return { headers, protocol: type, end: start, fragmentAt, isRouted }
}

/** Returns the end of a header of that type, if it is an extension header and whole. */
function endOf(packet: Uint8Array, type: number, start: number): number | undefined {
  if (!EXTENSION_HEADERS.has(type) || start + SHORTEST_HEADER_BYTES > packet.length)
    return undefined
  const end = start + lengthOf(type, packet[start + 1] ?? 0)
  return end <= packet.length ? end : undefined
}

/** Returns the bytes of a header with that length field (RFC 8200; RFC 4302 for authentication). */
function lengthOf(type: number, length: number): number {
  if (type === FRAGMENT) return SHORTEST_HEADER_BYTES
  return type === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8
}
