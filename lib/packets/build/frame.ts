import { type Check, checkFields, flag, integer, list, nested, u16 } from '../../check/fields.ts'
import { parseMac } from '../../check/mac.ts'
import { invalidArgument } from '../../errors.ts'
import { parseIp } from '../address.ts'
import { putUint16 } from '../bytes.ts'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, TAG_TYPES } from '../frame.ts'
import { payload } from './payload.ts'

/** A VLAN tag of a frame that is built (IEEE 802.1Q). */
export interface VlanTagFields {
  /** Number of the VLAN, 0 to 4095. */
  readonly id: number
  /** Type of the tag: 0x8100, 0x88a8 or 0x9100. Default: 0x8100. */
  readonly type?: number
  /** Priority code point, 0 to 7. Default: 0. */
  readonly priority?: number
  /** Whether the frame may be dropped before others. Default: false. */
  readonly dropEligible?: boolean
}

/** The options of {@link buildEthernet}. */
export interface EthernetFields {
  /** MAC address of the sender. */
  readonly source: string
  /** MAC address of the receiver. */
  readonly destination: string
  /** EtherType, 0 to 65535. Default: that of the payload, if it is an IPv4 or IPv6 packet; otherwise it is required. */
  readonly etherType?: number
  /** VLAN tags, the outer one first; at most 8. Default: none. */
  readonly vlanTags?: readonly VlanTagFields[]
  /** Bytes that follow the header; text is encoded as UTF-8. Default: none. */
  readonly payload?: Uint8Array | string
}

/** The options of {@link buildArp}. */
export interface ArpFields {
  /** Default: `request`. */
  readonly operation?: 'request' | 'reply'
  /** MAC address of the sender. */
  readonly senderMac: string
  /** IPv4 address of the sender. */
  readonly senderIp: string
  /** MAC address of the target; a reply needs one. Default: `00:00:00:00:00:00`, which means unknown. */
  readonly targetMac?: string
  /** IPv4 address of the target; a request asks for the MAC address of this address. */
  readonly targetIp: string
  /** MAC address that the frame is sent to. Default: broadcast for a request, `targetMac` for a reply. */
  readonly destination?: string
  /** VLAN tags of the frame, the outer one first; at most 8. Default: none. */
  readonly vlanTags?: readonly VlanTagFields[]
}

const ADDRESSES_BYTES = 12
const TAG_BYTES = 4
const TYPE_BYTES = 2
const TAGS_MAX = 8
const PAYLOAD_MAX = 65_535
const TAG_DEFAULT = 0x8100
const ARP_BYTES = 28
const UNKNOWN = '00:00:00:00:00:00'
const BROADCAST = 'ff:ff:ff:ff:ff:ff'

const mac: Check<Uint8Array> = (what, value) => parseMac(value, what)
const ipv4: Check<number[]> = (what, value) => parseIp(what, value, 4)

const tagType: Check<number> = (what, value) => {
  if (typeof value === 'number' && TAG_TYPES.has(value)) return value
  throw invalidArgument(what, value, '0x8100, 0x88a8 or 0x9100')
}

const TAG = { id: integer(0, 0x0fff), type: tagType, priority: integer(0, 7), dropEligible: flag }

const vlanTags: Check<Buffer> = (what, value) => {
  const tags = list(nested(TAG))(what, value)
  if (tags.length > TAGS_MAX) throw invalidArgument(what, tags.length, `at most ${TAGS_MAX} tags`)
  const bytes = Buffer.alloc(tags.length * TAG_BYTES)
  for (const [
    n,
    { id, type = TAG_DEFAULT, priority = 0, dropEligible = false },
  ] of tags.entries()) {
    const control = (priority << 13) | (dropEligible ? 0x1000 : 0) | TAG.id('id', id)
    putUint16(bytes, n * TAG_BYTES, type)
    putUint16(bytes, n * TAG_BYTES + 2, control)
  }
  return bytes
}

/** A payload that no device takes because it is longer than any MTU is refused. */
const framePayload: Check<Uint8Array> = (what, value) => {
  const bytes = payload(what, value)
  if (bytes.length <= PAYLOAD_MAX) return bytes
  throw invalidArgument(what, bytes.length, `at most ${PAYLOAD_MAX} bytes`)
}

const ETHERNET = { source: mac, destination: mac, etherType: u16, vlanTags, payload: framePayload }

/**
 * Builds an Ethernet frame without its check sequence and without padding, as a TAP device takes it.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 *
 * @example
 * const frame = buildEthernet({
 *   source: '02:00:00:00:00:02',
 *   destination: tap.link.macAddress,
 *   payload: buildUdp({ … }),
 * })
 */
export function buildEthernet(options: EthernetFields): Buffer {
  const checked = checkFields('options', options, ETHERNET)
  const { payload: inside = new Uint8Array(), vlanTags: tags = Buffer.alloc(0) } = checked
  const source = checked.source ?? mac('source', undefined)
  const destination = checked.destination ?? mac('destination', undefined)
  const etherType = checked.etherType ?? etherTypeOf(inside)
  const type = Buffer.alloc(TYPE_BYTES)
  putUint16(type, 0, etherType)
  return Buffer.concat([destination, source, tags, type, inside])
}

/** Returns the type of an IP packet by its version. */
function etherTypeOf(inside: Uint8Array): number {
  const version = (inside[0] ?? 0) >>> 4
  if (version === 4) return ETHERTYPE_IPV4
  if (version === 6) return ETHERTYPE_IPV6
  const expected = 'a whole number from 0 to 65535, because the payload is not an IP packet'
  throw invalidArgument('etherType', undefined, expected)
}

const operation: Check<number> = (what, value) => {
  if (value === 'request') return 1
  if (value === 'reply') return 2
  throw invalidArgument(what, value, '"request" or "reply"')
}

const ARP = {
  operation,
  senderMac: mac,
  senderIp: ipv4,
  targetMac: mac,
  targetIp: ipv4,
  destination: mac,
  vlanTags,
}

/**
 * Builds an Ethernet frame that holds an ARP packet for IPv4 (RFC 826).
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 *
 * @example
 * const request = buildArp({
 *   senderMac: '02:00:00:00:00:02',
 *   senderIp: '10.0.0.2',
 *   targetIp: '10.0.0.1',
 * })
 */
export function buildArp(options: ArpFields): Buffer {
  const checked = checkFields('options', options, ARP)
  const { operation: number = 1, vlanTags: tags = Buffer.alloc(0) } = checked
  const isReply = number === 2
  const senderMac = checked.senderMac ?? mac('senderMac', undefined)
  const senderIp = checked.senderIp ?? ipv4('senderIp', undefined)
  const targetIp = checked.targetIp ?? ipv4('targetIp', undefined)
  const targetMac = checked.targetMac ?? mac('targetMac', isReply ? undefined : UNKNOWN)
  const receiver = checked.destination ?? (isReply ? targetMac : parseMac(BROADCAST))
  const arp = Buffer.alloc(ARP_BYTES)
  putUint16(arp, 0, 1)
  putUint16(arp, 2, ETHERTYPE_IPV4)
  arp.set([6, 4], 4)
  putUint16(arp, 6, number)
  arp.set(senderMac, 8)
  arp.set(senderIp, 14)
  arp.set(targetMac, 18)
  arp.set(targetIp, 24)
  const type = Buffer.alloc(TYPE_BYTES)
  putUint16(type, 0, ETHERTYPE_ARP)
  return Buffer.concat(
    [receiver, senderMac, tags, type, arp],
    ADDRESSES_BYTES + tags.length + TYPE_BYTES + ARP_BYTES,
  )
}
