import {
  type Check,
  type Checked,
  type Fields,
  checkFields,
  flag,
  integer,
  u16,
  u8,
} from '../../check/fields.ts'
import { TunError, invalidArgument } from '../../errors.ts'
import { familyOf, parseIp } from '../address.ts'
import { putUint16 } from '../bytes.ts'
import { fillChecksums } from '../checksum.ts'
import { payload } from './payload.ts'

/** The fields of the IP header that every builder of an IP packet takes. */
export interface IpHeaderFields {
  /** Source address, IPv4 or IPv6 without a zone. */
  readonly source: string
  /** Destination address, of the same family as `source`. */
  readonly destination: string
  /** Hop limit, the TTL of IPv4: 0 to 255. Default: 64. */
  readonly hopLimit?: number
  /** Differentiated services code point (RFC 2474), 0 to 63. Default: 0. */
  readonly dscp?: number
  /** Explicit congestion notification (RFC 3168), 0 to 3. Default: 0. */
  readonly ecn?: number
  /** Identification of an IPv4 packet, 0 to 65535. Default: 0. IPv6 has none. */
  readonly identification?: number
  /** Whether routers may not fragment an IPv4 packet. Default: true. IPv6 has none. */
  readonly dontFragment?: boolean
  /** Flow label of an IPv6 packet (RFC 6437), 0 to 1048575. Default: 0. IPv4 has none. */
  readonly flowLabel?: number
  /** Bytes that follow the transport header; text is encoded as UTF-8. Default: none. */
  readonly payload?: Uint8Array | string
}

/** The checked form of {@link IpHeaderFields}. */
export interface IpHeader {
  readonly family: 4 | 6
  readonly source: readonly number[]
  readonly destination: readonly number[]
  readonly payload: Uint8Array
  readonly hopLimit: number
  readonly trafficClass: number
  readonly identification: number
  readonly dontFragment: boolean
  readonly flowLabel: number
}

const IPV4_HEADER_BYTES = 20
const IPV6_HEADER_BYTES = 40
const LENGTH_MAX = 0xffff

/** Checked later, when the family is known. */
const asGiven: Check = (_, value) => value

/** The checks of {@link IpHeaderFields}. */
const IP_FIELDS = {
  source: asGiven,
  destination: asGiven,
  hopLimit: u8,
  dscp: integer(0, 63),
  ecn: integer(0, 3),
  identification: u16,
  dontFragment: flag,
  flowLabel: integer(0, 0xf_ffff),
  payload,
}

/** The fields that only one family has. */
const ONE_FAMILY = { identification: 4, dontFragment: 4, flowLabel: 6 } as const

/**
 * Checks the options of a builder: those of the IP header, and `fields` of its own.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function checkPacketOptions<F extends Fields>(
  options: unknown,
  fields: F,
): { readonly ip: IpHeader; readonly own: Checked<F> } {
  const checked = checkFields('options', options, { ...IP_FIELDS, ...fields })
  return { ip: ipHeaderOf(checked), own: checked }
}

function ipHeaderOf(checked: ReturnType<typeof checkFields<typeof IP_FIELDS>>): IpHeader {
  const family = familyOf(checked.source)
  if (family === undefined) {
    throw invalidArgument('source', checked.source, 'an IPv4 or IPv6 address without a zone')
  }
  for (const [name, only] of Object.entries(ONE_FAMILY)) {
    if (checked[name as keyof typeof ONE_FAMILY] === undefined || only === family) continue
    throw new TunError(
      `Invalid ${name}: expected none in an IPv${family} packet, because only IPv${only} has it`,
      { code: 'ERR_TUN_INVALID_ARGUMENT', subject: name },
    )
  }
  return {
    family,
    source: parseIp('source', checked.source, family),
    destination: parseIp('destination', checked.destination, family),
    payload: checked.payload ?? new Uint8Array(),
    hopLimit: checked.hopLimit ?? 64,
    trafficClass: ((checked.dscp ?? 0) << 2) | (checked.ecn ?? 0),
    identification: checked.identification ?? 0,
    dontFragment: checked.dontFragment ?? true,
    flowLabel: checked.flowLabel ?? 0,
  }
}

/**
 * Returns a packet of an IP header, a transport header and the payload, with all checksums filled in.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if the payload does not fit.
 */
export function ipPacket(ip: IpHeader, protocol: number, transport: Uint8Array): Buffer {
  const headerBytes = ip.family === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES
  // The length field of IPv4 counts the header, the one of IPv6 does not.
  const counted = transport.length + (ip.family === 4 ? headerBytes : 0)
  if (counted + ip.payload.length > LENGTH_MAX) {
    const most = LENGTH_MAX - counted
    throw invalidArgument('payload', ip.payload.length, `at most ${most} bytes`)
  }
  const packet = Buffer.alloc(headerBytes + transport.length + ip.payload.length)
  if (ip.family === 4) putIpv4Header(packet, ip, protocol)
  else putIpv6Header(packet, ip, protocol)
  packet.set(transport, headerBytes)
  packet.set(ip.payload, headerBytes + transport.length)
  fillChecksums(packet)
  return packet
}

/** RFC 791, section 3.1. */
function putIpv4Header(packet: Buffer, ip: IpHeader, protocol: number): void {
  packet[0] = 0x45
  packet[1] = ip.trafficClass
  putUint16(packet, 2, packet.length)
  putUint16(packet, 4, ip.identification)
  packet[6] = ip.dontFragment ? 0x40 : 0
  packet[8] = ip.hopLimit
  packet[9] = protocol
  packet.set(ip.source, 12)
  packet.set(ip.destination, 16)
}

/** RFC 8200, section 3. */
function putIpv6Header(packet: Buffer, ip: IpHeader, protocol: number): void {
  packet[0] = 0x60 | (ip.trafficClass >>> 4)
  packet[1] = ((ip.trafficClass & 0x0f) << 4) | (ip.flowLabel >>> 16)
  putUint16(packet, 2, ip.flowLabel & 0xffff)
  putUint16(packet, 4, packet.length - IPV6_HEADER_BYTES)
  packet[6] = protocol
  packet[7] = ip.hopLimit
  packet.set(ip.source, 8)
  packet.set(ip.destination, 24)
}
