import { TunError } from '../errors.ts'

/** The first argument of the constructors of exported classes. Callers of the package do not have it. */
export const KEY: unique symbol = Symbol('tun2udp')

/**
 * Throws if a constructor was not called by the package itself.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` with the function to call instead.
 */
export function checkKey(key: unknown, name: string, opener: string): void {
  if (key === KEY) return
  throw new TunError(`Invalid call of new ${name}(): call ${opener} instead`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    subject: name,
  })
}
