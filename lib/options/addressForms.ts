import { type Check, list } from '../check/fields.ts'
import {
  type InterfaceAddress,
  canonicalNetwork,
  formatAddress,
  parseAddress,
  parseRoute,
} from '../check/address.ts'
import { invalidArgument } from '../errors.ts'
import type { Form } from './table.ts'

// The forms of addresses are in a file of their own because tunctl does not load the parser of addresses.

/** The route to everything, in the families of the interface's addresses. */
const DEFAULT = 'default'

/** Addresses of an interface. The native layer reads the same text. */
export const interfaceAddresses = texts(parseAddress)

/** Networks of routes, and `default`. The native layer reads the same text, after {@link expandDefault}. */
export const networks = texts(parseRoute, DEFAULT)

/** Prefixes of a peer. The native layer reads the same text. */
export const prefixes = texts(parseRoute)

/**
 * Replaces `default` by the default route of each family that the addresses have.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if there is no address.
 */
export function expandDefault(
  routes: readonly string[],
  addresses: readonly string[] = [],
): string[] {
  if (!routes.includes(DEFAULT)) return [...routes]
  const families = new Set(addresses.map((address) => parseAddress(address).family))
  if (families.size === 0) {
    throw invalidArgument('route', DEFAULT, 'an address of the interface with it', {
      advice: 'add an address, or write 0.0.0.0/0 or ::/0',
      option: 'routes',
    })
  }
  const defaults = [...(families.has(4) ? ['0.0.0.0/0'] : []), ...(families.has(6) ? ['::/0'] : [])]
  return routes.flatMap((route) => (route === DEFAULT ? defaults : [route]))
}

function texts(parse: (text: string) => InterfaceAddress, word?: string): Form<string[]> {
  const text: Check<string> = (_, value) => {
    if (word !== undefined && value === word) return word
    const parsed = parse(value as string)
    const canonical = canonicalNetwork(parsed)
    if (canonical === parsed) return value as string
    // An IPv4 address that the kernel refuses, such as the wildcard, is refused in this form too.
    return formatAddress(parse(formatAddress(canonical)))
  }
  return { type: 'readonly string[]', check: list(text, 'an array of strings') }
}
