import type { NativeMonitor, NativeNetlink } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { checkFields, integer } from '../check/fields.ts'
import { checkNames } from '../check/list.ts'
import { fromNative, invalidArgument } from '../errors.ts'
import type { Address } from './addresses.ts'
import type { Link } from './linkTypes.ts'
import type { Neighbor } from './neighbors.ts'
import type { Route } from './routeTypes.ts'
import type { Rule } from './rules.ts'

const KINDS = ['link', 'address', 'route', 'rule', 'neighbor'] as const

const OPTIONS = { signal: abortSignal, receiveBufferBytes: integer(1, 1_073_741_823) }

/** What can be watched. */
export type MonitorKind = (typeof KINDS)[number]

/**
 * Something that changed. `deleted`: it is gone, and was as it is described; else it is there, new or
 * changed. `overflow`: more changed than could wait to be read, and was lost.
 */
export type NetlinkEvent =
  | { readonly type: 'link'; readonly deleted: boolean; readonly link: Link }
  | { readonly type: 'address'; readonly deleted: boolean; readonly address: Address }
  | { readonly type: 'route'; readonly deleted: boolean; readonly route: Route }
  | { readonly type: 'rule'; readonly deleted: boolean; readonly rule: Rule }
  | { readonly type: 'neighbor'; readonly deleted: boolean; readonly neighbor: Neighbor }
  | {
      readonly type: 'overflow'
      /** Reads afresh all that is watched, as events of what is there. */
      readonly fresh: () => AsyncGenerator<NetlinkEvent, void, undefined>
    }

/** What a monitor needs of its session. */
export interface MonitoredSession {
  /** Reads all objects of some kinds, as events of what is there. */
  readonly fresh: (kinds: readonly MonitorKind[]) => AsyncGenerator<NetlinkEvent, void, undefined>
  /** Called when changes were lost. */
  readonly onOverflow: () => void
}

/** The options of {@link Netlink.monitor}. */
export interface MonitorOptions {
  /** Ends the watch: `for await` then throws its reason. */
  signal?: AbortSignal
  /** How much may wait to be read, as far as the kernel grants it (`rmem_max`). Default: 1 MiB. */
  receiveBufferBytes?: number
}

/**
 * Changes, from the moment that it is made on. Waiting for one keeps the process alive. Leaving the
 * loop by `break` closes it, and so does closing the session.
 */
export class Monitor implements AsyncIterableIterator<NetlinkEvent, undefined> {
  readonly #native: NativeMonitor
  readonly #fresh: () => AsyncGenerator<NetlinkEvent, void, undefined>
  readonly #onOverflow: () => void
  readonly #signal: AbortSignal | undefined
  readonly #release: () => void
  #events: NetlinkEvent[] = []
  #last: Promise<unknown> = Promise.resolve()
  #isOpen = true

  private constructor(
    native: NativeMonitor,
    { fresh, onOverflow }: MonitoredSession,
    kinds: readonly MonitorKind[],
    signal: AbortSignal | undefined,
  ) {
    this.#native = native
    this.#fresh = () => fresh(kinds)
    this.#onOverflow = onOverflow
    this.#signal = signal
    this.#release = onceAborted(signal, () => {
      this.close()
    })
  }

  /** @internal */
  static open(
    native: NativeNetlink,
    session: MonitoredSession,
    kinds: readonly MonitorKind[],
    options: MonitorOptions,
  ): Monitor {
    const checked = checkKinds(kinds)
    const { signal, receiveBufferBytes = 1_048_576 } = checkFields('options', options, OPTIONS)
    throwIfAborted(signal)
    try {
      const watch = native.monitor(JSON.stringify(checked), receiveBufferBytes)
      return new Monitor(watch, session, checked, signal)
    } catch (error) {
      throw fromNative(error)
    }
  }

  /** The next change; waits for it. */
  next(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    // One after the other, so that several who wait get one each.
    const next = this.#last.then(async () => this.#take())
    this.#last = next.catch(() => undefined)
    return next
  }

  async #take(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    if (this.#events.length === 0) {
      throwIfAborted(this.#signal)
      try {
        const text = await this.#native.next()
        if (text !== null)
          this.#events = (JSON.parse(text) as NetlinkEvent[]).map((event) => this.#complete(event))
      } catch (error) {
        throw fromNative(error)
      }
      throwIfAborted(this.#signal)
    }
    const event = this.#events.shift()
    return event ? { done: false, value: event } : { done: true, value: undefined }
  }

  #complete(event: NetlinkEvent): NetlinkEvent {
    if (event.type !== 'overflow') return event
    this.#onOverflow()
    return { ...event, fresh: this.#fresh }
  }

  /** @internal Whether neither it nor its session was closed. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Closes the monitor; a pending `next()` resolves with `done`. Events that were read are still returned. */
  close(): void {
    this.#isOpen = false
    this.#release()
    this.#native.close()
  }

  /** What `for await` calls when it is left. */
  return(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    this.close()
    this.#events = []
    return Promise.resolve({ done: true, value: undefined })
  }

  /** The monitor itself, for `for await`. */
  [Symbol.asyncIterator](): this {
    return this
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }
}

function checkKinds(kinds: unknown): readonly MonitorKind[] {
  const expected = `an array of ${KINDS.join(', ')}`
  const checked = checkNames('kinds', kinds, KINDS, expected)
  if (checked.length === 0) throw invalidArgument('kinds', kinds, expected)
  return checked
}
