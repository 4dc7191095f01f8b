import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { throwIfAborted, untilAborted } from '../check/abort.ts'
import { TunError } from '../errors.ts'
import { checkPeerAddress } from './peer.ts'

/**
 * The address of a peer: itself when it is a literal, else the first that getaddrinfo(3) gives, of the
 * family of `listen` when that is set.
 *
 * Rejects as soon as the signal is aborted; the look-up itself cannot be ended and is left alone.
 */
export async function resolvePeer(
  peer: string,
  listen?: string,
  signal?: AbortSignal,
): Promise<string> {
  throwIfAborted(signal)
  if (isIP(peer)) return peer
  const family = listen === undefined ? 0 : isIP(listen)
  try {
    const { address } = await untilAborted(lookup(peer, { family }), signal)
    return checkPeerAddress(address)
  } catch (error) {
    if (signal?.aborted || error instanceof TunError) throw error
    throw unknownHost(peer, family, error)
  }
}

function unknownHost(peer: string, family: number, cause: unknown): TunError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
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
