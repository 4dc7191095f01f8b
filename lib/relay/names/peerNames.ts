import { setTimeout as sleep } from 'node:timers/promises'
import { followSignals, throwIfAborted } from '../../check/abort.ts'
import { TunError, codeOf, messageOf } from '../../errors.ts'
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

/** The functions that the names use. Tests replace them. */
export interface NameTools {
  readonly resolve: (name: string, wanted: Resolution) => Promise<string>
  readonly follow: typeof followName
}

const TOOLS: NameTools = { resolve: resolvePeer, follow: followName }

/** The pauses between look-ups during a start, seconds. */
const PAUSE_FIRST = 1
const PAUSE_MAX = 5

/** The names of the peers of a relay, with their addresses. While the relay runs, they are looked up again. */
export class PeerNames {
  readonly #conditions: NameConditions
  readonly #tools: NameTools
  /** Ends the look-ups that run when the relay is closed. */
  readonly #closing = new AbortController()
  /** The names that are followed. */
  readonly #entries = new Map<string, Entry>()
  /** The addresses of names that are not followed yet. */
  readonly #found = new Map<string, string>()
  /** The look-ups that run, by name. */
  readonly #lookUps = new Map<string, Promise<string | undefined>>()
  /** The reasons that were reported, by name. */
  readonly #reported = new Map<string, Set<string>>()

  constructor(conditions: NameConditions, tools: NameTools = TOOLS) {
    this.#conditions = conditions
    this.#tools = tools
  }

  /**
   * Returns the address of a host: the host itself if it is an address, the present address of a name that is followed,
   * and otherwise the result of a look-up. Returns nothing for a name without an address if such names are waited for.
   *
   * Calls for the same name share one look-up, which ends with the signal of the first of them: peers with one name get
   * one result.
   *
   * @throws {TunError} as {@link resolvePeer} does, or `ERR_TUN_CLOSED` as soon as the relay is closed.
   */
  async addressOf(host: string, signal?: AbortSignal): Promise<string | undefined> {
    const known = this.#entries.get(host)
    if (known) return known.address
    const running = this.#lookUps.get(host)
    if (running) return running
    const lookUp = this.#lookUp(host, signal).finally(() => this.#lookUps.delete(host))
    this.#lookUps.set(host, lookUp)
    return lookUp
  }

  /**
   * Follows the names among these hosts, and no others. Each must have been looked up by {@link PeerNames.addressOf},
   * unless it is followed already. After {@link PeerNames.close} this has no effect.
   */
  follow(hosts: readonly string[], apply: ApplyChange): void {
    if (this.#closing.signal.aborted) return
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

  /** Ends the following of all names, and all look-ups: they reject with `ERR_TUN_CLOSED`. */
  close(): void {
    this.#closing.abort(relayClosed())
    for (const { following } of this.#entries.values()) following.abort()
    this.#entries.clear()
  }

  async #lookUp(host: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const { isWaiting, report } = this.#conditions
    try {
      const address = await this.#resolve(host, signal)
      this.#found.set(host, address)
      if (this.#reported.delete(host)) report(nameRecovered(host, address))
      return address
    } catch (error) {
      // An earlier look-up may have had an address.
      this.#found.delete(host)
      if (!isWaiting || codeOf(error) !== 'ERR_TUN_UNKNOWN_HOST') throw error
      this.#reportWaiting(host, messageOf(error).slice(`resolve the peer ${host}: `.length))
      return undefined
    }
  }

  /** Looks up a name until the signal is aborted or the relay is closed. */
  async #resolve(host: string, signal: AbortSignal | undefined): Promise<string> {
    const { listen, family } = this.#conditions
    const ending = new AbortController()
    const release = followSignals([this.#closing.signal, signal], (reason) => {
      ending.abort(reason)
    })
    try {
      return await this.#tools.resolve(host, { listen, family, signal: ending.signal })
    } finally {
      release()
    }
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
    await this.#tools.follow(followed, entry.following.signal)
  }

  /** Reports why a name has no address, once per reason. */
  #reportWaiting(name: string, reason: string): void {
    const reported = this.#reported.get(name) ?? new Set()
    if (!reported.has(reason)) this.#conditions.report(nameWaiting(name, reason))
    this.#reported.set(name, reported.add(reason))
  }
}

/** Returns the error of a change of a closed relay. */
export function relayClosed(): TunError {
  return new TunError('change the peers: the relay is closed', { code: 'ERR_TUN_CLOSED' })
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
