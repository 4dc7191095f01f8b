import { isUint8Array } from 'node:util/types'
import { type Check, flag, u16, u32 } from '../../check/fields.ts'
import { checkNames } from '../../check/list.ts'
import { invalidArgument } from '../../errors.ts'
import { putUint16, putUint32 } from '../bytes.ts'
import { TCP_FLAGS } from '../transport.ts'
import { type IpHeaderFields, checkPacketOptions, ipPacket } from './ip.ts'

/** A control bit of TCP, by its name in RFC 9293. */
export type TcpFlag = (typeof TCP_FLAGS)[number]

/** The options of {@link buildUdp}. */
export interface UdpFields extends IpHeaderFields {
  /** 0 to 65535. */
  readonly sourcePort: number
  /** 0 to 65535. */
  readonly destinationPort: number
}

/** The options of {@link buildTcp}. */
export interface TcpFields extends UdpFields {
  /** Sequence number, 0 to 4294967295. Default: 0. */
  readonly sequence?: number
  /** Acknowledgment number, 0 to 4294967295. Default: 0. */
  readonly acknowledgment?: number
  /** Names of the control bits that are set, or their byte. Default: none. */
  readonly flags?: readonly TcpFlag[] | number
  /** Window, not scaled: 0 to 65535. Default: 65535. */
  readonly window?: number
  /** 0 to 65535. Default: 0. */
  readonly urgentPointer?: number
  /** The bytes of the options: 0 to 40, a multiple of 4. Default: none. */
  readonly options?: Uint8Array
}

/** The options of {@link buildIcmpEcho}. */
export interface IcmpEchoFields extends IpHeaderFields {
  /** Whether to build an echo reply instead of an echo request. Default: false. */
  readonly reply?: boolean
  /** 0 to 65535. Default: 0. */
  readonly identifier?: number
  /** 0 to 65535. Default: 0. */
  readonly sequence?: number
}

const TCP = 6
const UDP = 17
const ICMP = 1
const ICMPV6 = 58
const PORTS_BYTES = 4
const TCP_HEADER_BYTES = 20
const TCP_OPTIONS_BYTES_MAX = 40
const UDP_HEADER_BYTES = 8
const ICMP_HEADER_BYTES = 8

const PORTS = { sourcePort: u16, destinationPort: u16 }

const tcpFlags: Check<number> = (what, value) => {
  const expected = `a list of ${TCP_FLAGS.join(', ')}, or a whole number from 0 to 255`
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0 && value <= 0xff) return value
    throw invalidArgument(what, value, expected)
  }
  const names = checkNames(what, value, TCP_FLAGS, expected)
  return names.reduce((bits, name) => bits | (1 << TCP_FLAGS.indexOf(name)), 0)
}

const tcpOptions: Check<Uint8Array> = (what, value) => {
  if (!isUint8Array(value)) throw invalidArgument(what, value, 'a Uint8Array')
  if (value.length <= TCP_OPTIONS_BYTES_MAX && value.length % 4 === 0) return value
  throw invalidArgument(what, value.length, '0 to 40 bytes, a multiple of 4')
}

/**
 * Builds an IPv4 or IPv6 packet that holds a UDP datagram, with its checksums.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 *
 * @example
 * const packet = buildUdp({
 *   source: '10.0.0.2',
 *   destination: '10.0.0.1',
 *   sourcePort: 5353,
 *   destinationPort: 9,
 *   payload: 'hello',
 * })
 */
export function buildUdp(options: UdpFields): Buffer {
  const { ip, own } = checkPacketOptions(options, PORTS)
  const header = Buffer.alloc(UDP_HEADER_BYTES)
  putPorts(header, own)
  // A length that does not fit is refused by `ipPacket`.
  putUint16(header, PORTS_BYTES, UDP_HEADER_BYTES + ip.payload.length)
  return ipPacket(ip, UDP, header)
}

/**
 * Builds an IPv4 or IPv6 packet that holds one TCP segment, with its checksums. It keeps no state of a connection.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function buildTcp(options: TcpFields): Buffer {
  const { ip, own } = checkPacketOptions(options, {
    ...PORTS,
    sequence: u32,
    acknowledgment: u32,
    flags: tcpFlags,
    window: u16,
    urgentPointer: u16,
    options: tcpOptions,
  })
  const inHeader = own.options ?? new Uint8Array()
  const header = Buffer.alloc(TCP_HEADER_BYTES + inHeader.length)
  putPorts(header, own)
  putUint32(header, 4, own.sequence ?? 0)
  putUint32(header, 8, own.acknowledgment ?? 0)
  header[12] = (header.length / 4) << 4
  header[13] = own.flags ?? 0
  putUint16(header, 14, own.window ?? 0xffff)
  putUint16(header, 18, own.urgentPointer ?? 0)
  header.set(inHeader, TCP_HEADER_BYTES)
  return ipPacket(ip, TCP, header)
}

/**
 * Builds an echo request or reply with its checksums: ICMP (RFC 792) for IPv4 addresses, ICMPv6 (RFC 4443) for IPv6.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function buildIcmpEcho(options: IcmpEchoFields): Buffer {
  const own = { reply: flag, identifier: u16, sequence: u16 }
  const { ip, own: echo } = checkPacketOptions(options, own)
  const [request, reply] = ip.family === 4 ? [8, 0] : [128, 129]
  const header = Buffer.alloc(ICMP_HEADER_BYTES)
  header[0] = echo.reply ? reply : request
  putUint16(header, 4, echo.identifier ?? 0)
  putUint16(header, 6, echo.sequence ?? 0)
  return ipPacket(ip, ip.family === 4 ? ICMP : ICMPV6, header)
}

/** Puts both ports into a header; both are required. */
function putPorts(
  header: Buffer,
  { sourcePort, destinationPort }: { sourcePort?: number; destinationPort?: number },
): void {
  putUint16(header, 0, u16('sourcePort', sourcePort))
  putUint16(header, 2, u16('destinationPort', destinationPort))
}
