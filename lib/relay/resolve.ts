import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { throwIfAborted, untilAborted } from '../check/abort.ts'
import { TunError, codeOf, invalidArgument, messageOf } from '../errors.ts'
import { checkPeerAddress, familyOfPeer } from './peer.ts'

/** The conditions for choosing an address of a name. */
export interface Resolution {
  /** Local address of the socket. The peer must have its family. */
  readonly listen?: string | undefined
  /** Family of the address. Default: that of `listen`, otherwise the first that the resolver returns. */
  readonly family?: 4 | 6 | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Returns the address of a peer: the peer itself if it is a literal, otherwise the first address of the family that
 * getaddrinfo(3) returns. There is no fall-back to later addresses: UDP does not show whether an address is
 * reachable.
 *
 * Rejects as soon as the signal is aborted; the look-up itself cannot be cancelled and continues.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if a literal is not of the family, `ERR_TUN_UNKNOWN_HOST` if the
 *   name has no address of it.
 */
export async function resolvePeer(peer: string, wanted: Resolution = {}): Promise<string> {
  const { listen, signal } = wanted
  throwIfAborted(signal)
  const literal = familyOfPeer(peer)
  if (literal) {
    if (wanted.family === undefined || wanted.family === literal) return peer
    throw invalidArgument('peer', peer, `an IPv${wanted.family} address, as family says`)
  }
  const family = wanted.family ?? (listen === undefined ? 0 : isIP(listen))
  try {
    const { address } = await untilAborted(lookup(peer, { family }), signal)
    return checkPeerAddress(address)
  } catch (error) {
    if (signal?.aborted || error instanceof TunError) throw error
    throw unknownHost(peer, family, error)
  }
}

function unknownHost(peer: string, family: number, cause: unknown): TunError {
  const code = codeOf(cause) ?? messageOf(cause)
  const kind = family === 0 ? 'address' : `IPv${family} address`
  const reason =
    code === 'ENOTFOUND'
      ? `no ${kind} is known for this name; check the name, or give an address`
      : `the resolver failed (${code}); check /etc/resolv.conf, or give an address`
  return new TunError(
    `resolve the peer ${peer}: ${reason}`,
    { code: 'ERR_TUN_UNKNOWN_HOST', syscall: 'getaddrinfo', subject: peer },
    { cause },
  )
}
