import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from '../../check/abort.ts'
import { codeOf, messageOf } from '../../errors.ts'
import { familyOfPeer } from '../peer.ts'
import { type Resolution, familyOfName, resolvePeer } from '../resolve.ts'
import { Backoff } from './backoff.ts'
import { type NameEvent, nameRecovered, nameWaiting } from './events.ts'
import { followName } from './follow.ts'

/** The conditions for the addresses of names. */
export interface NameConditions extends Pick<Resolution, 'listen' | 'family'> {
  /** Whether names without an address are waited for. */
  readonly isWaiting: boolean
  /** Receives the events. */
  readonly report: (event: NameEvent) => void
}

/**
 * Makes the relay use a changed address: calls `change`, and then passes the present addresses of all names to the
 * relay. If the relay refuses them, calls the function that `change` returned, and rejects.
 */
export type ApplyChange = (change: () => () => void) => Promise<void>

/** A name of a peer. */
interface Entry {
  /** Absent while the name has none. */
  address?: string | undefined
  /** Ends the following of the name. */
  readonly following: AbortController
}

/** The pauses between look-ups during a start, seconds. */
const PAUSE_FIRST = 1
const PAUSE_MAX = 5

/** The names of the peers of a relay, with their addresses. While the relay runs, they are looked up again. */
export class PeerNames {
  readonly #conditions: NameConditions
  /** The names that are followed. */
  readonly #entries = new Map<string, Entry>()
  /** The addresses of names that are not followed yet. */
  readonly #found = new Map<string, string>()
  /** The reasons that were reported, by name. */
  readonly #reported = new Map<string, Set<string>>()

  constructor(conditions: NameConditions) {
    this.#conditions = conditions
  }

  /**
   * Returns the address of a host: the host itself if it is an address, the present address of a name that is followed,
   * and otherwise the result of a look-up. Returns nothing for a name without an address if such names are waited for.
   *
   * @throws {TunError} as {@link resolvePeer} does.
   */
  async addressOf(host: string, signal?: AbortSignal): Promise<string | undefined> {
    const { listen, family, isWaiting, report } = this.#conditions
    const known = this.#entries.get(host)
    if (known) return known.address
    try {
      const address = await resolvePeer(host, { listen, family, signal })
      this.#found.set(host, address)
      if (this.#reported.delete(host)) report(nameRecovered(host, address))
      return address
    } catch (error) {
      if (!isWaiting || codeOf(error) !== 'ERR_TUN_UNKNOWN_HOST') throw error
      this.#reportWaiting(host, messageOf(error).slice(`resolve the peer ${host}: `.length))
      return undefined
    }
  }

  /**
   * Follows the names among these hosts, and no others. Each must have been looked up by {@link PeerNames.addressOf},
   * unless it is followed already.
   */
  follow(hosts: readonly string[], apply: ApplyChange): void {
    const names = new Set(hosts.filter(isFollowed))
    for (const [name, { following }] of this.#entries) {
      if (names.has(name)) continue
      following.abort()
      this.#entries.delete(name)
    }
    for (const name of names) {
      if (this.#entries.has(name)) continue
      const entry = { address: this.#found.get(name), following: new AbortController() }
      this.#entries.set(name, entry)
      this.#reported.delete(name)
      void this.#follow(name, entry, apply)
    }
    this.#found.clear()
  }

  /** Ends the following of all names. */
  close(): void {
    for (const { following } of this.#entries.values()) following.abort()
    this.#entries.clear()
  }

  async #follow(name: string, entry: Entry, applyChange: ApplyChange): Promise<void> {
    const { report } = this.#conditions
    const apply = async (address: string) =>
      applyChange(() => {
        const before = entry.address
        entry.address = address
        return () => {
          entry.address = before
        }
      })
    const family = familyOfName(this.#conditions)
    const followed = { name, address: entry.address, family, apply, report }
    await followName(followed, entry.following.signal)
  }

  /** Reports why a name has no address, once per reason. */
  #reportWaiting(name: string, reason: string): void {
    const reported = this.#reported.get(name) ?? new Set()
    if (!reported.has(reason)) this.#conditions.report(nameWaiting(name, reason))
    this.#reported.set(name, reported.add(reason))
  }
}

/** Returns whether a host is a name whose address can change. */
export function isFollowed(host: string): boolean {
  // RFC 6761, 6.3: it is always a loopback address.
  return familyOfPeer(host) === 0 && !/^(?:.*\.)?localhost\.?$/iu.test(host)
}

/** Repeats an attempt, with pauses, until it has a result. Rejects with the reason of an abort. */
export async function untilFound<T>(
  attempt: () => Promise<T | undefined>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const backoff = new Backoff(PAUSE_FIRST, PAUSE_MAX)
  for (;;) {
    const result = await attempt()
    if (result !== undefined) return result
    try {
      await sleep(backoff.next() * 1000, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      // A timer rejects with an error of its own.
      throwIfAborted(signal)
      throw error
    }
  }
}
