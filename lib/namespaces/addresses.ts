import { isIP } from 'node:net'
import type { Check } from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'

/**
 * Checks an address of a socket. A name is refused: libuv resolves it on threads that stay in the namespace of the
 * process, and a zone is the name of an interface there.
 */
export const hostAddress: Check<string> = (what, value) => {
  if (value === 'localhost') return '127.0.0.1'
  if (typeof value === 'string' && !value.includes('%') && isIP(value) !== 0) return value
  const advice =
    typeof value === 'string' && value !== '' ? 'resolve a name before the call' : undefined
  throw invalidArgument(what, value, 'an IP address without a zone, or "localhost"', { advice })
}

/**
 * Checks an optional address that must be of the same family as another.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function checkFamily(what: string, address: string | undefined, other: string): void {
  const family = isIP(other)
  if (address === undefined || isIP(address) === family) return
  throw invalidArgument(what, address, `an IPv${family} address`)
}
