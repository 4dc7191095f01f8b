import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { invalidArgument } from '../errors.ts'

/** The longest text of an IPv6 address (`INET6_ADDRSTRLEN`) and its prefix, characters. */
const TEXT_MAX = 46 + '/128'.length

/** An address of an interface, or a network: an IP address and the length of its prefix. */
export interface InterfaceAddress {
  /** The address, as it was written, without the prefix. */
  readonly address: string
  /** Bits of the network part: 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefixLength: number
  /** The family of the address. */
  readonly family: 4 | 6
}

const FORM = 'ADDRESS[/PREFIX], such as 10.0.0.1/24 or fd00::1/64'

/**
 * Parses `ADDRESS[/PREFIX]`. Without a prefix, it is that host only: 32 or 128 bits.
 *
 * Strict: an IPv4 address has four decimal parts (`10.1` and octal are refused), there is no text before or after
 * the address, and no zone.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if the text does not have that form, or is an address that no
 *   interface can have: unspecified, broadcast or multicast.
 */
export function parseAddress(text: string): InterfaceAddress {
  const parsed = parseCidr(text)
  if (!parsed) throw invalidArgument('address', text, FORM)
  const range = rangeOf(parsed.address)
  if (range === 'unspecified' || range === 'broadcast' || range === 'multicast') {
    throw invalidArgument(
      'address',
      text,
      `one that an interface can have, not ${range === 'unspecified' ? 'an' : 'a'} ${range} one`,
    )
  }
  return parsed
}

/**
 * Parses the network of a route, `ADDRESS[/PREFIX]`. The bits after the prefix must be zero.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`, with the network that was probably meant.
 */
export function parseRoute(text: string, what = 'route'): InterfaceAddress {
  const parsed = parseCidr(text)
  if (!parsed)
    throw invalidArgument(what, text, 'NETWORK[/PREFIX], such as 10.1.0.0/16 or fd00::/8')
  const network = networkOf(parsed)
  if (ipaddr.parse(parsed.address).toNormalizedString() !== network) {
    throw invalidArgument(
      what,
      text,
      `a network without host bits: ${compact(network)}/${parsed.prefixLength}`,
    )
  }
  return parsed
}

/** Returns the address and prefix as text for the native layer. */
export function formatAddress({ address, prefixLength }: InterfaceAddress): string {
  return `${address}/${prefixLength}`
}

/** Returns the name of the range of an address literal without a zone, as in ipaddr.js. */
export function rangeOf(address: string): string {
  return ipaddr.parse(address).range()
}

/**
 * Returns the IPv4 address in an IPv4-mapped IPv6 address, such as `::ffff:192.0.2.2`. Any other literal without a
 * zone is returned unchanged.
 */
export function canonicalAddress(address: string): string {
  return isIPv6(address) && ipaddr.IPv6.parse(address).isIPv4MappedAddress()
    ? ipaddr.process(address).toString()
    : address
}

/** Bits before the IPv4 address in an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2). */
const MAPPED_PREFIX = 96

/** Returns an IPv4-mapped address or network as IPv4, and any other unchanged. */
export function canonicalNetwork(network: InterfaceAddress): InterfaceAddress {
  const address = canonicalAddress(network.address)
  const prefixLength = network.prefixLength - MAPPED_PREFIX
  if (address === network.address || prefixLength < 0) return network
  return { address, prefixLength, family: 4 }
}

function parseCidr(text: unknown): InterfaceAddress | undefined {
  if (typeof text !== 'string' || text.length > TEXT_MAX) return undefined
  const [address = '', prefix, ...rest] = text.split('/')
  const family = familyOf(address)
  if (family === undefined || rest.length > 0) return undefined
  const bits = family === 4 ? 32 : 128
  if (prefix === undefined) return { address, prefixLength: bits, family }
  if (!/^(?:0|[1-9]\d{0,2})$/u.test(prefix) || Number(prefix) > bits) return undefined
  return { address, prefixLength: Number(prefix), family }
}

/**
 * Returns the family of an address literal. Node's own grammar is that of inet_pton(3), which accepts neither short
 * forms nor octal.
 */
function familyOf(address: string): 4 | 6 | undefined {
  if (isIPv4(address)) return 4
  return isIPv6(address) && !address.includes('%') ? 6 : undefined
}

function networkOf({ address, prefixLength, family }: InterfaceAddress): string {
  const cidr = `${address}/${prefixLength}`
  const network =
    family === 4
      ? ipaddr.IPv4.networkAddressFromCIDR(cidr)
      : ipaddr.IPv6.networkAddressFromCIDR(cidr)
  return network.toNormalizedString()
}

function compact(address: string): string {
  return ipaddr.parse(address).toString()
}
