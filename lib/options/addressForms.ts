import { type Check, list } from '../check/fields.ts'
import { parseAddress, parseRoute } from '../check/address.ts'
import { invalidArgument } from '../errors.ts'
import type { Form } from './table.ts'

// The forms of addresses are in a file of their own because tunctl does not load the parser of addresses.

/** The route to everything, in the families of the interface's addresses. */
const DEFAULT = 'default'

/** Addresses of an interface. The native layer reads the same text. */
export const interfaceAddresses = texts(parseAddress)

/** Networks of routes, and `default`. The native layer reads the same text, after {@link expandDefault}. */
export const networks = texts((text) => text === DEFAULT || parseRoute(text))

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
    })
  }
  const defaults = [...(families.has(4) ? ['0.0.0.0/0'] : []), ...(families.has(6) ? ['::/0'] : [])]
  return routes.flatMap((route) => (route === DEFAULT ? defaults : [route]))
}

function texts(parse: (text: string) => unknown): Form<string[]> {
  const text: Check<string> = (_, value) => {
    parse(value as string)
    return value as string
  }
  return { type: 'readonly string[]', check: list(text, 'an array of strings') }
}
