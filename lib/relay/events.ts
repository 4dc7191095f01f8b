import type { NativeEvent } from '#binding'
import { onceAborted } from '../check/abort.ts'

/** The kinds of events of a relay, with the fields that each has next to `kind` and `message`. */
export interface RelayEventFields {
  /** The TUN driver has no vnet header (`IFF_VNET_HDR`): packets are read and written one by one. */
  readonly 'vnet-header-off': object
  /** The kernel refused TSO for the interface: TCP packets are read one by one. */
  readonly 'tso-off': object
  /** The kernel refused USO for the interface (Linux 6.2): UDP packets are read and written one by one. */
  readonly 'uso-off': object
  /** The kernel refused a GSO batch (`UDP_SEGMENT`) with this errno: datagrams are sent one by one. */
  readonly 'gso-off': { readonly errno: number }
  /** GSO batches are sent again. */
  readonly 'gso-on': object
  /** The kernel refused `UDP_GRO`: datagrams are received one by one. */
  readonly 'gro-off': object
  /** GSO batches are received. */
  readonly 'gro-on': object
  /** The kernel refused a coalesced packet with this errno: packets are written one by one. */
  readonly 'coalesce-off': { readonly errno: number }
  /** Packets are coalesced again. */
  readonly 'coalesce-on': object
  /** The kernel refused the program that spreads packets over the queues, with this errno: it uses its own hash. */
  readonly 'steering-off': { readonly errno: number }
  /** The peer's GSO batches mix flows: one queue receives everything, so that no packet overtakes another. */
  readonly 'one-receiver': object
  /** The peer is the relay's own socket: it sends to itself. */
  readonly 'self-peer': object
  /**
   * Datagrams from any address are accepted (`accept: 'any'`) on all addresses of this machine: anyone who can reach the
   * port can put packets into the interface.
   */
  readonly 'open-to-any': object
  /** The interface has addresses of single hosts only and no route, so no network is routed into it. */
  readonly 'no-network': object
  /** The MTU of the interface is above what the path to the peer leaves: long packets are fragmented or lost. */
  readonly 'mtu-above-path': object
  /**
   * The path to the peer leaves less than the 1,280 bytes that IPv6 needs: datagrams with longer packets are
   * fragmented. `address` is the peer's.
   */
  readonly 'outer-fragments': { readonly address: string }
  /**
   * A route leads the datagrams to the peer into the tunnel. They are dropped when they come back out of the interface.
   * `address` is the peer's.
   */
  readonly loop: { readonly address: string }
  /** The datagrams to the peer do not come back any more. `address` is the peer's. */
  readonly 'loop-ended': { readonly address: string }
  /** Datagrams from this address are dropped, since it is not the peer's. Reported once per address, at most one per second. */
  readonly 'foreign-source': { readonly address: string }
  /**
   * A smaller MTU of the path to the peer was reported, or a report is not valid any more. `address` is the peer's,
   * and `message` has the MTU and the router that reported it.
   */
  readonly 'path-mtu': { readonly address: string }
  /**
   * The datagrams to a peer go to another of its endpoints, which `message` has: to the port that it sends from
   * (`followPort`), or to the next endpoint while the present one is silent or refuses datagrams. `address` is that of
   * the new endpoint.
   */
  readonly 'endpoint-changed': { readonly address: string }
  /** A datagram came from a peer with keepalives, for the first time or after it was down. `address` is the peer's. */
  readonly 'peer-up': { readonly address: string }
  /** Nothing came from a peer for three intervals of its keepalives. `address` is the peer's. */
  readonly 'peer-down': { readonly address: string }
  /**
   * The start waits until a name of a peer has an address (`waitForDns`). Reported once per reason, which `message`
   * has; `name-recovered` follows.
   */
  readonly 'name-waiting': { readonly name: string }
  /** The address of a name changed: datagrams go to `address`, and went to `previous`. */
  readonly 'name-changed': {
    readonly name: string
    readonly address: string
    readonly previous: string
  }
  /** A name cannot be looked up any more. Its last address stays in use. Reported once until `name-recovered`. */
  readonly 'name-failed': { readonly name: string }
  /** A name has an address again. */
  readonly 'name-recovered': { readonly name: string }
  /** The new address of a name is not used, for example since it is a loopback address. The last one stays in use. */
  readonly 'name-refused': { readonly name: string; readonly address: string }
  /** Settings of a persistent interface could not be restored; `message` lists them. */
  readonly 'undo-incomplete': { readonly errno?: number }
  /** The reader was so slow that older events were dropped: `count` of them. */
  readonly 'events-lost': { readonly count: number }
}

/** A kind of events of a relay. */
export type RelayEventKind = keyof RelayEventFields

/**
 * An event of a relay that is not an error: it uses a slower path or a faster one again, or its configuration is
 * probably not what is meant.
 */
export type RelayEvent = {
  [K in RelayEventKind]: {
    /** The kind of event; the names are stable. */
    readonly kind: K
    /** A description on one line. */
    readonly message: string
  } & RelayEventFields[K]
}[RelayEventKind]

/** The options of {@link Relay.events}. */
export interface EventsOptions {
  /** If aborted, `next()` rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** Returns the public form of an event of the native layer. */
export function toEvent({ kind, errno, address, message }: NativeEvent): RelayEvent {
  const fields = {
    ...(errno === undefined ? {} : { errno }),
    ...(address === undefined ? {} : { address }),
  }
  return { kind, message, ...fields } as RelayEvent
}

/** Events that a relay keeps for its readers. */
export const EVENTS_KEPT = 256

type Result = IteratorResult<RelayEvent, undefined>

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true }

/** The last events of a relay, from its start on. Each reader gets all of them. */
export class EventLog {
  readonly #events: RelayEvent[] = []
  /** Events that were dropped before the first of `#events`. */
  #dropped = 0
  #isEnded = false
  readonly #readers = new Set<EventReader>()

  push(event: RelayEvent): void {
    this.#events.push(event)
    if (this.#events.length > EVENTS_KEPT) {
      this.#events.shift()
      this.#dropped++
    }
    for (const reader of this.#readers) reader.wake()
  }

  /** Returns the events that are kept, the oldest first. */
  kept(): readonly RelayEvent[] {
    return this.#events
  }

  /** Ends the log. */
  end(): void {
    this.#isEnded = true
    for (const reader of this.#readers) reader.wake()
  }

  /** Returns the event with that number, counted from the start, and the number of the next. */
  read(number: number): { event: RelayEvent; next: number } | 'later' | 'ended' {
    const count = this.#dropped - number
    if (count > 0) {
      const message = `${count} older events were dropped, since they were not read in time`
      return { event: { kind: 'events-lost', message, count }, next: this.#dropped }
    }
    const event = this.#events[-count]
    if (event) return { event, next: number + 1 }
    return this.#isEnded ? 'ended' : 'later'
  }

  /** Starts a reader at the first event. */
  reader(signal: AbortSignal | undefined): EventReader {
    const reader = new EventReader(this, signal, () => this.#readers.delete(reader))
    this.#readers.add(reader)
    reader.follow()
    return reader
  }
}

/** An iterator over the events of a relay. */
export class EventReader implements AsyncIterableIterator<RelayEvent, undefined> {
  readonly #log: EventLog
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: () => void
  readonly #pending: { resolve: (result: Result) => void; reject: (error: unknown) => void }[] = []
  #release: () => void = () => undefined
  #next = 0
  #isDone = false
  /** The abort that the next call reports. */
  #aborted: { reason: unknown } | undefined

  constructor(log: EventLog, signal: AbortSignal | undefined, onEnd: () => void) {
    this.#log = log
    this.#signal = signal
    this.#onEnd = onEnd
  }

  /** Makes the signal end the reader. */
  follow(): void {
    this.#release = onceAborted(this.#signal, () => {
      this.#aborted = { reason: this.#signal?.reason }
      this.#finish()
    })
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
      this.wake()
    })
  }

  /** Passes events to those who wait for one. */
  wake(): void {
    for (let waiting = this.#pending[0]; waiting; waiting = this.#pending[0]) {
      const found = this.#isDone ? 'ended' : this.#log.read(this.#next)
      if (found === 'later') return
      this.#pending.shift()
      if (found === 'ended') this.#end(waiting)
      else {
        this.#next = found.next
        waiting.resolve({ value: found.event, done: false })
      }
    }
  }

  return(): Promise<Result> {
    this.#aborted = undefined
    this.#finish()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #end({
    resolve,
    reject,
  }: {
    resolve: (result: Result) => void
    reject: (e: unknown) => void
  }): void {
    const aborted = this.#aborted
    this.#aborted = undefined
    this.#finish()
    if (aborted) reject(aborted.reason)
    else resolve(DONE)
  }

  #finish(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#release()
    this.#onEnd()
    this.wake()
  }
}
