import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, messageOf } from '../../errors.ts'
import { familyOfPeer } from '../peer.ts'
import { Backoff } from './backoff.ts'
import { type Refused, chooseAddress } from './choose.ts'
import {
  type NameEvent,
  nameChanged,
  nameFailed,
  nameRecovered,
  nameRefused,
  reasonOf,
} from './events.ts'
import { type Found, type LookUp, lookUp } from './lookUp.ts'
import { type TimeToLive, timeToLive } from './timeToLive.ts'

/** A name of a peer of a running relay. */
export interface FollowedName {
  readonly name: string
  /** The address that datagrams go to. Absent if the name had none so far, which was reported. */
  readonly address?: string | undefined
  /** The only family that its address may have. */
  readonly family?: 4 | 6 | undefined
  /** Makes the datagrams go to another address. Rejects if the relay refuses it. */
  readonly apply: (address: string) => Promise<void>
  /** Receives the events. */
  readonly report: (event: NameEvent) => void
}

/** The functions that the following of a name uses. Tests replace them. */
export interface FollowTools {
  readonly lookUp: LookUp
  readonly timeToLive: TimeToLive
  /** Waits. Rejects with the reason of an abort. */
  readonly pause: (seconds: number, signal: AbortSignal) => Promise<void>
}

/** The pauses after failed look-ups, seconds. */
const PAUSE_FIRST = 5
const PAUSE_MAX = 30

const TOOLS: FollowTools = {
  lookUp,
  timeToLive,
  // The relay keeps the process alive, and its timers do not.
  pause: (seconds, signal) => sleep(seconds * 1000, undefined, { ref: false, signal }),
}

/**
 * Looks up a name again whenever its time to live ends, and passes each new address to the relay. A failed look-up
 * keeps the address, and is repeated after a pause.
 *
 * Resolves once the signal is aborted or the relay is closed. Never rejects.
 */
export async function followName(
  followed: FollowedName,
  signal: AbortSignal,
  tools: FollowTools = TOOLS,
): Promise<void> {
  const follower = new NameFollower(followed, signal, tools)
  try {
    while (!follower.isEnded) await tools.pause(await follower.update(), signal)
  } catch (error) {
    // Nothing else rejects.
    if (!signal.aborted) throw error
  }
}

class NameFollower {
  /** Whether the relay is closed. */
  isEnded = false
  readonly #followed: FollowedName
  readonly #signal: AbortSignal
  readonly #tools: FollowTools
  readonly #backoff = new Backoff(PAUSE_FIRST, PAUSE_MAX)
  #present: string | undefined
  #isFailing: boolean
  /** The address that was reported as refused. */
  #refused: string | undefined

  constructor(followed: FollowedName, signal: AbortSignal, tools: FollowTools) {
    this.#followed = followed
    this.#signal = signal
    this.#tools = tools
    this.#present = followed.address
    this.#isFailing = followed.address === undefined
  }

  /** Looks up the name once. Returns the time until the next look-up, seconds. */
  async update(): Promise<number> {
    const { name, family } = this.#followed
    // First the time to live: if the record changes in between, the address is newer than its time.
    const seconds = await this.#tools.timeToLive(name, family, this.#signal)
    const found = await this.#lookUp()
    if (this.#signal.aborted) return seconds
    if ('failure' in found) return this.#fail(found.failure)
    const { address, refused } = chooseAddress(found.addresses, { present: this.#present, family })
    this.#backoff.reset()
    if (address === undefined) this.#refuse(refused[0])
    else if (address === this.#present || (await this.#change(address))) this.#recover()
    return seconds
  }

  /**
   * Looks up the name. If all addresses are of the other family, those of the present one are looked up separately:
   * getaddrinfo(3) does not report that only one of its two queries failed.
   */
  async #lookUp(): Promise<Found> {
    const { name, family } = this.#followed
    const found = await this.#tools.lookUp(name, family, this.#signal)
    const present = familyOfPeer(this.#present ?? '') || undefined
    if ('failure' in found || family !== undefined || present === undefined) return found
    if (found.addresses.some((address) => familyOfPeer(address) === present)) return found
    const same = await this.#tools.lookUp(name, present, this.#signal)
    return 'failure' in same && same.failure === 'ENOTFOUND' ? found : same
  }

  #fail(failure: string): number {
    const { name, family, report } = this.#followed
    if (!this.#isFailing && this.#present !== undefined)
      report(nameFailed(name, reasonOf(failure, family), this.#present))
    this.#isFailing = true
    return this.#backoff.next()
  }

  /** Ends an outage. */
  #recover(): void {
    const { name, report } = this.#followed
    if (this.#isFailing) report(nameRecovered(name, this.#present ?? ''))
    this.#isFailing = false
    this.#refused = undefined
  }

  /** Makes the relay use another address. Returns whether it does. */
  async #change(address: string): Promise<boolean> {
    const { name, apply, report } = this.#followed
    try {
      await apply(address)
    } catch (error) {
      if (codeOf(error) === 'ERR_TUN_CLOSED') this.isEnded = true
      else this.#refuse({ address, reason: messageOf(error) })
      return false
    }
    const previous = this.#present
    this.#present = address
    if (previous !== undefined) report(nameChanged(name, previous, address))
    return true
  }

  /** Reports a refused address, once until another one is used or refused. */
  #refuse(refused: Refused | undefined): void {
    const { name, report } = this.#followed
    if (!refused || refused.address === this.#refused) return
    this.#refused = refused.address
    report(nameRefused(name, refused, this.#present))
  }
}
