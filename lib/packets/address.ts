import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { invalidArgument } from '../errors.ts'

/** Returns the text of four bytes: `10.0.0.1`. */
export function formatIpv4(bytes: Uint8Array): string {
  return bytes.join('.')
}

/** Returns the text of sixteen bytes in the form of RFC 5952: `fd00::1`. */
export function formatIpv6(bytes: Uint8Array): string {
  return new ipaddr.IPv6([...bytes]).toRFC5952String()
}

/**
 * Returns the four or sixteen bytes of an address.
 *
 * @param what the property or argument that holds the address, for the error.
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if the text is not an address of that version.
 */
export function parseIp(what: string, text: unknown, version: 4 | 6): number[] {
  if (typeof text === 'string' && familyOf(text) === version)
    return ipaddr.parse(text).toByteArray()
  const example = version === 4 ? '10.0.0.1' : 'fd00::1'
  throw invalidArgument(what, text, `an IPv${version} address, such as ${example}`)
}

/** Returns the version of an address without a zone, or undefined if the value is not such an address. */
export function familyOf(text: unknown): 4 | 6 | undefined {
  if (typeof text !== 'string') return undefined
  if (isIPv4(text)) return 4
  return isIPv6(text) && !text.includes('%') ? 6 : undefined
}
