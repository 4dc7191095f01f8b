import { isIP } from 'node:net'
import { clearInterval, setInterval } from 'node:timers'
import { throwIfAborted } from '../check/abort.ts'
import { TunError, invalidArgument } from '../errors.ts'
import { checkAnswer } from './names/choose.ts'
import { reasonOf } from './names/events.ts'
import { lookUp } from './names/lookUp.ts'
import { familyOfPeer } from './peer.ts'

/** The conditions for choosing an address of a name. */
export interface Resolution {
  /** Local address of the socket. The peer must have its family. */
  readonly listen?: string | undefined
  /** Family of the address. Default: that of `listen`, otherwise the first that the resolver returns. */
  readonly family?: 4 | 6 | undefined
  readonly signal?: AbortSignal | undefined
}

/** Longer than any look-up: this timer only keeps the process alive, which a look-up does not. */
const KEEP_ALIVE_MS = 1_000_000_000

/**
 * Returns the address of a peer: the peer itself if it is a literal, otherwise the first address of the family that
 * getaddrinfo(3) returns. There is no fall-back to later addresses: UDP does not show whether an address is
 * reachable.
 *
 * Rejects as soon as the signal is aborted; the look-up itself cannot be cancelled and continues.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if a literal is not of the family, `ERR_TUN_UNKNOWN_HOST` if the
 *   name has no address of it, or one that a peer cannot have.
 */
export async function resolvePeer(peer: string, wanted: Resolution = {}): Promise<string> {
  const { family, signal } = wanted
  throwIfAborted(signal)
  const literal = familyOfPeer(peer)
  if (literal) {
    if (family === undefined || family === literal) return peer
    const expected = `an IPv${family} address, as family says`
    throw invalidArgument('peer', peer, expected, { option: 'family' })
  }
  const alive = setInterval(() => undefined, KEEP_ALIVE_MS)
  try {
    return await resolveName(peer, familyOfName(wanted), signal)
  } finally {
    clearInterval(alive)
  }
}

/** Returns the family that an address of a name must have: that of `family` or of `listen`. */
export function familyOfName({ listen, family }: Resolution): 4 | 6 | undefined {
  if (family !== undefined || listen === undefined) return family
  return (isIP(listen) || undefined) as 4 | 6 | undefined
}

async function resolveName(
  name: string,
  family: 4 | 6 | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const found = await lookUp(name, family, signal)
  if ('failure' in found) {
    const isUnknown = found.failure === 'ENOTFOUND'
    const advice = isUnknown
      ? 'check the name, or give an address'
      : 'check /etc/resolv.conf, or give an address'
    throw unknownHost(name, reasonOf(found.failure, family), advice)
  }
  const [first = ''] = found.addresses
  const address = checkAnswer(first)
  if (typeof address === 'string') return address
  const reason = `its address ${first} cannot be used: ${address.reason}`
  throw unknownHost(name, reason, 'check the name, or give an address')
}

function unknownHost(peer: string, reason: string, advice: string): TunError {
  return new TunError(`resolve the peer ${peer}: ${reason}; ${advice}`, {
    code: 'ERR_TUN_UNKNOWN_HOST',
    syscall: 'getaddrinfo',
    subject: peer,
  })
}
