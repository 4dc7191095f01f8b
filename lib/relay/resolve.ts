import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from '../check/abort.ts'
import { TunError, invalidArgument } from '../errors.ts'
import { Backoff } from './names/backoff.ts'
import { checkAnswer } from './names/choose.ts'
import { type NameEvent, nameRecovered, nameWaiting, reasonOf } from './names/events.ts'
import { lookUp } from './names/lookUp.ts'
import { familyOfPeer } from './peer.ts'

/** The conditions for choosing an address of a name. */
export interface Resolution {
  /** Local address of the socket. The peer must have its family. */
  readonly listen?: string | undefined
  /** Family of the address. Default: that of `listen`, otherwise the first that the resolver returns. */
  readonly family?: 4 | 6 | undefined
  readonly signal?: AbortSignal | undefined
  /** If set, waits until the name has an address, and reports why. Otherwise a failed look-up rejects. */
  readonly onWaiting?: ((event: NameEvent) => void) | undefined
}

/** The pauses between look-ups during a start, seconds. */
const PAUSE_FIRST = 1
const PAUSE_MAX = 5

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
  throwIfAborted(wanted.signal)
  const literal = familyOfPeer(peer)
  if (literal) {
    if (wanted.family === undefined || wanted.family === literal) return peer
    throw invalidArgument('peer', peer, `an IPv${wanted.family} address, as family says`)
  }
  const alive = setInterval(() => undefined, KEEP_ALIVE_MS)
  try {
    return await resolveName(peer, wanted)
  } finally {
    clearInterval(alive)
  }
}

/** Returns the family that an address of a name must have: that of `family` or of `listen`. */
export function familyOfName({ listen, family }: Resolution): 4 | 6 | undefined {
  if (family !== undefined || listen === undefined) return family
  return (isIP(listen) || undefined) as 4 | 6 | undefined
}

async function resolveName(name: string, wanted: Resolution): Promise<string> {
  const { signal, onWaiting } = wanted
  const backoff = new Backoff(PAUSE_FIRST, PAUSE_MAX)
  const reported = new Set<string>()
  for (;;) {
    const result = await resolveOnce(name, familyOfName(wanted), signal)
    if ('address' in result) {
      if (reported.size > 0) onWaiting?.(nameRecovered(name, result.address))
      return result.address
    }
    if (!onWaiting) throw unknownHost(name, result)
    const { reason, advice } = result
    if (!reported.has(reason)) onWaiting(nameWaiting(name, reason, advice))
    reported.add(reason)
    await pause(backoff.next(), signal)
  }
}

/** Waits. Rejects with the reason of an abort. */
async function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(seconds * 1000, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    // A timer rejects with an error of its own.
    throwIfAborted(signal)
    throw error
  }
}

/** Why a name has no address that can be used, and what to do. */
interface Unresolved {
  readonly reason: string
  readonly advice: string
}

async function resolveOnce(
  name: string,
  family: 4 | 6 | undefined,
  signal: AbortSignal | undefined,
): Promise<{ address: string } | Unresolved> {
  const found = await lookUp(name, family, signal)
  if ('failure' in found) {
    const isUnknown = found.failure === 'ENOTFOUND'
    const advice = isUnknown
      ? 'check the name, or give an address'
      : 'check /etc/resolv.conf, or give an address'
    return { reason: reasonOf(found.failure, family), advice }
  }
  const [first = ''] = found.addresses
  const address = checkAnswer(first)
  if (typeof address === 'string') return { address }
  const reason = `its address ${first} cannot be used: ${address.reason}`
  return { reason, advice: 'check the name, or give an address' }
}

function unknownHost(peer: string, { reason, advice }: Unresolved): TunError {
  return new TunError(`resolve the peer ${peer}: ${reason}; ${advice}`, {
    code: 'ERR_TUN_UNKNOWN_HOST',
    syscall: 'getaddrinfo',
    subject: peer,
  })
}
