import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { invalidArgument } from '../errors.ts'

/** The text of four bytes: `10.0.0.1`. */
export function formatIpv4(bytes: Uint8Array): string {
  return bytes.join('.')
}

/** The text of sixteen bytes in the form of RFC 5952: `fd00::1`. */
export function formatIpv6(bytes: Uint8Array): string {
  return new ipaddr.IPv6([...bytes]).toRFC5952String()
}

/**
 * The four or sixteen bytes of an address.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` when it is none of that version.
 */
export function parseIp(text: unknown, version: 4 | 6): number[] {
  const isGood = typeof text === 'string' && (version === 4 ? isIPv4(text) : isZoneless(text))
  if (isGood) return ipaddr.parse(text).toByteArray()
  const example = version === 4 ? '10.0.0.1' : 'fd00::1'
  throw invalidArgument('address', text, `an IPv${version} address, such as ${example}`)
}

function isZoneless(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}
