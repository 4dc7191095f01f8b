import type { NativeMonitor, NativeNetlink } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { checkFields, integer } from '../check/fields.ts'
import { checkNames } from '../check/list.ts'
import { fromNative, invalidArgument } from '../errors.ts'
import { InOrder } from '../lifetime/inOrder.ts'
import type { Address } from './addresses.ts'
import type { Link } from './linkTypes.ts'
import type { Neighbor } from './neighbors.ts'
import type { Route } from './routeTypes.ts'
import type { Rule } from './rules.ts'

const KINDS = ['link', 'address', 'route', 'rule', 'neighbor'] as const

const OPTIONS = { signal: abortSignal, receiveBufferBytes: integer(1, 1_073_741_823) }

/** The kinds of objects that can be monitored. */
export type MonitorKind = (typeof KINDS)[number]

/**
 * A change.
 *
 * - `deleted: true`: the object was deleted; the event describes its last state.
 * - `deleted: false`: the object is new or changed.
 * - `overflow`: changes were lost because the receive buffer was full.
 */
export type NetlinkEvent =
  | { readonly type: 'link'; readonly deleted: boolean; readonly link: Link }
  | { readonly type: 'address'; readonly deleted: boolean; readonly address: Address }
  | { readonly type: 'route'; readonly deleted: boolean; readonly route: Route }
  | { readonly type: 'rule'; readonly deleted: boolean; readonly rule: Rule }
  | { readonly type: 'neighbor'; readonly deleted: boolean; readonly neighbor: Neighbor }
  | {
      readonly type: 'overflow'
      /** Reads all monitored objects again, and yields each as an event. */
      readonly fresh: () => AsyncGenerator<NetlinkEvent, void, undefined>
    }

/** The parts of a session that a monitor needs. */
export interface MonitoredSession {
  /** Reads all objects of some kinds, and yields each as an event. */
  readonly fresh: (kinds: readonly MonitorKind[]) => AsyncGenerator<NetlinkEvent, void, undefined>
  /** Called when changes were lost. */
  readonly onOverflow: () => void
}

/** The options of {@link Netlink.monitor}. */
export interface MonitorOptions {
  /** If aborted, the monitor ends and `for await` throws the signal's reason. */
  signal?: AbortSignal
  /**
   * Size of the receive buffer for changes not read yet, bytes, limited by the kernel (`rmem_max`). Default: 1 MiB.
   */
  receiveBufferBytes?: number
}

/**
 * Yields changes from its creation on. A pending `next()` keeps the process alive. Leaving the loop with `break` or
 * closing the session closes the monitor.
 */
export class Monitor implements AsyncIterableIterator<NetlinkEvent, undefined> {
  readonly #native: NativeMonitor
  readonly #fresh: () => AsyncGenerator<NetlinkEvent, void, undefined>
  readonly #onOverflow: () => void
  readonly #signal: AbortSignal | undefined
  readonly #release: () => void
  readonly #reads = new InOrder()
  #events: NetlinkEvent[] = []
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

  /**
   * Returns the next change, and waits for it if necessary.
   *
   * @throws the reason of the signal when it was aborted.
   */
  next(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    // Concurrent callers get one change each.
    return this.#reads.run(async () => this.#take())
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

  /** @internal Whether neither the monitor nor its session was closed. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Closes the monitor; a pending `next()` resolves with `done`. Events that were read are still returned. */
  close(): void {
    this.#isOpen = false
    this.#release()
    this.#native.close()
  }

  /** Closes the monitor; `for await` calls it when the loop is left. */
  return(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    this.close()
    this.#events = []
    return Promise.resolve({ done: true, value: undefined })
  }

  /** Returns the monitor itself, for `for await`. */
  [Symbol.asyncIterator](): this {
    return this
  }

  /** Closes the monitor as `close()` does, for `await using`. */
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
