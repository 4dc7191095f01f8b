import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NativeEvent, NativeNamespace, NativeRelay, RelayStats } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { checkFields } from '../check/fields.ts'
import { KEY, checkKey } from '../lifetime/constructing.ts'
import { type Capture, type CaptureOptions, startCapture } from './capture.ts'
import { type Diagnostic, Diagnostics } from '../diagnostics.ts'
import { fromNative } from '../errors.ts'
import { type InterfaceState, type Sample, Samples, diagnose } from './diagnosis.ts'
import { EventLog, type EventsOptions, type RelayEvent, toEvent } from './events.ts'
import type { QueueDescriptors } from './handover/descriptors.ts'
import { type Inheritance, Passing, inheritanceOf } from './handover/passing.ts'
import { type RelayInfo, toInfo } from './info.ts'
import type { RelayOptions } from '../options/declarations.ts'
import { PeerNames } from './names/peerNames.ts'
import { type PlainRelayOptions, checkAndKeep } from './options.ts'
import type { PeerChanges } from './peers/changes.ts'
import { type Peers, REPLACE, newPeers } from './peers/peers.ts'
import { type ResolvedEnds, resolveEnds } from './peers/resolve.ts'
import type { PeerRoutes } from './peers/routes.ts'
import { checkReload } from './reload.ts'
import { openRoutes, startNative } from './starting.ts'
import { checkUser } from '../check/user.ts'

/** The messages of the channel `tun2udp:relay` of `node:diagnostics_channel`. */
export type RelayDiagnostic = Diagnostic<Relay, RelayEvent>

const diagnostics = new Diagnostics<Relay, RelayEvent>('relay')

const EVENTS = { signal: abortSignal }

/** The name of the property for the program. */
export const PASSING: unique symbol = Symbol('passing')

/** The name of the method for metrics. */
export const STATS: unique symbol = Symbol('stats')

/** The parts that a relay is made of. */
interface Parts {
  readonly native: NativeRelay
  readonly events: EventLog
  readonly signal: AbortSignal | undefined
  readonly ends: ResolvedEnds
  readonly routes: PeerRoutes | undefined
  readonly started: PlainRelayOptions
}

let newRelay: (parts: Parts) => Relay

/**
 * A relay between a TUN interface and UDP. In both directions, each IP packet is the whole payload of one datagram.
 *
 * The packets never pass through JavaScript. An open relay keeps the process alive.
 *
 * @example
 * await using relay = await startRelay({ addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 5002 })
 * await relay.closed
 */
export class Relay implements AsyncDisposable {
  /** The state after the start: the interface and both UDP ends. */
  readonly info: RelayInfo

  /**
   * Settles once everything is released: resolves after `close()` or an abort, rejects with a
   * {@link TunError} if the relay failed, for example with `ERR_TUN_DEVICE_DELETED`. You may ignore this promise;
   * it never causes an unhandled rejection.
   */
  readonly closed: Promise<void>

  /** The peers. They can be changed if the relay was started with `peers` that have networks. */
  readonly peers: Peers

  /** @internal Passes the relay on to another process. */
  readonly [PASSING]: Passing

  readonly #native: NativeRelay
  readonly #events: EventLog
  readonly #routes: PeerRoutes | undefined
  readonly #names: PeerNames
  readonly #started: PlainRelayOptions
  readonly #startedAt = performance.now()
  readonly #samples = new Samples()
  #isClosed = false

  private constructor(key: typeof KEY, parts: Parts) {
    checkKey(key, 'Relay', 'startRelay()')
    const { native, events, signal, ends, routes, started } = parts
    this.#native = native
    this.#events = events
    this.#routes = routes
    this.#names = ends.names
    this.#started = started
    this.info = toInfo(native.info)
    routes?.use(this.info.interface.ifIndex)
    this[PASSING] = new Passing(native, () => void routes?.release())
    this.peers = newPeers({ native, ...ends, routes, isClosed: () => this.#isClosed })
    const release = onceAborted(signal, () => void this.close())
    this.closed = this.#untilClosed().finally(release)
    this.closed.catch(() => undefined)
  }

  /** Whether the relay is closed, closing or failed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Returns the current counters. After the relay is closed, they keep their last values. */
  stats(): RelayStats {
    return this[STATS]()
  }

  /**
   * @internal Returns them with a count of missed packets that is at most so old, milliseconds. Default: 10.
   */
  [STATS](missedAgeMs?: number): RelayStats {
    try {
      return this.#native.stats(missedAgeMs)
    } catch (error) {
      throw fromNative(error)
    }
  }

  /**
   * Returns the state of the interface, as the kernel reported it in the last milliseconds. Absent if the kernel has not
   * replied yet, which takes a few milliseconds after the first call; after the relay is closed, it is the last one.
   */
  interfaceState(): InterfaceState | undefined {
    return this.#native.interfaceState() ?? undefined
  }

  /**
   * Returns why packets do not pass, as far as the relay can know: one or two sentences per problem, in English, with
   * their meaning and the remedy. No sentence: the relay knows no problem.
   *
   * The first call takes all counters into account, each further one those since an earlier call that is at least ten
   * seconds old.
   *
   * @example
   * for (const problem of relay.diagnose()) console.log(problem)
   */
  diagnose(): string[] {
    const sample: Sample = {
      stats: this.stats(),
      uptimeMillis: Math.round(performance.now() - this.#startedAt),
    }
    return diagnose({
      ...sample,
      since: this.#samples.before(sample),
      info: this.info,
      peers: this.peers.list(),
      interface: this.interfaceState(),
      events: this.#events.kept(),
    })
  }

  /**
   * Returns the events of the relay that are not errors. The iterator ends with the relay.
   *
   * Each iterator starts with the events since the start of the relay, of which the last 256 are kept. A slower
   * reader gets one event `events-lost` in place of the dropped ones.
   *
   * @example
   * for await (const { kind, message } of relay.events()) console.log(kind, message)
   */
  events(options: EventsOptions = {}): AsyncIterableIterator<RelayEvent, undefined> {
    const { signal } = checkFields('options', options, EVENTS)
    return this.#events.reader(signal)
  }

  /**
   * Changes the peers to those of the options, as `peers.replace()` does. All other options must be those of the start;
   * `signal` is not used. Returns what changed.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if an option is refused, or one that cannot change while the relay runs
   *   differs. Nothing is changed then.
   */
  async reload(options: RelayOptions): Promise<PeerChanges> {
    return this.peers[REPLACE](checkReload(this.#started, options))
  }

  /**
   * Starts to capture packets in the format pcapng. Resolves once each queue captures: the counts of the capture begin
   * there. The capture ends with the relay, at the latest.
   *
   * @throws {TunError} an option is refused, the file exists (`ERR_TUN_EXISTS`), or the relay is closed
   *   (`ERR_TUN_CLOSED`).
   *
   * @example
   * await using capture = await relay.capture({ path: 'tunnel.pcapng', points: ['inside'] })
   */
  async capture(options: CaptureOptions = {}): Promise<Capture> {
    return startCapture(this.#native, options)
  }

  /**
   * Duplicates the descriptors of the device and of the sockets, by queue, for the option `descriptors` of another relay,
   * also in another process. The caller owns them: as long as one of a device is open, the interface exists, and packets
   * that no relay reads wait in its queue.
   *
   * @throws {TunError} `ERR_TUN_CLOSED` if the relay is closed, `ERR_TUN_EXHAUSTED` if the process has no descriptor left.
   */
  descriptors(): QueueDescriptors[] {
    return this[PASSING].descriptors()
  }

  /**
   * Closes the relay and removes everything it added. Calling it again has no effect.
   *
   * Resolves once everything is released, even if the relay failed before: `closed` reports that failure.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#names.close()
    await this.#routes?.close()
    await this.#native.close().catch(() => undefined)
    await this.closed.catch(() => undefined)
  }

  /** Closes the relay as `close()` does, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Waits for the end of the relay, from its start on. This pending promise keeps the process alive. */
  async #untilClosed(): Promise<void> {
    const { name } = this.info.interface
    try {
      await this.#native.closed()
    } catch (cause) {
      const error = fromNative(cause)
      diagnostics.publish({ type: 'error', name, target: this, error })
      throw error
    } finally {
      this.#isClosed = true
      this.#names.close()
      await this.#routes?.close()
      // The last events use a separate path, but arrive in the same turn of the event loop.
      await nextTurn()
      this.#events.end()
      diagnostics.publish({ type: 'closed', name, target: this })
    }
  }

  static {
    newRelay = (parts) => new Relay(KEY, parts)
  }
}

/**
 * Opens and configures the interface, binds the socket and starts to relay packets.
 *
 * Needs `CAP_NET_ADMIN` in the namespace of the interface. If it fails, everything is rolled back.
 *
 * @throws {TunError} an option is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  return startRelayAs(options, undefined)
}

/** The user and group that the process changes to, each by name or number. */
export interface Account {
  readonly user: string
  /** Default: the group of the user. */
  readonly group?: string
}

/**
 * Starts a relay as {@link startRelay} does, then drops root and all capabilities: the whole process changes to the
 * account. With `inheritance` it continues the relay of another process.
 *
 * Only for the program: a library must not change the user of its caller's process.
 *
 * @internal
 */
export async function startRelayAs(
  options: RelayOptions,
  account: Account | undefined,
  inheritance?: Inheritance,
): Promise<Relay> {
  return startRelayIn(options, account, undefined, inheritance)
}

/**
 * Starts a relay as {@link startRelayAs} does. If a namespace is given, the socket is created in it too.
 *
 * @internal
 */
export async function startRelayIn(
  options: RelayOptions,
  account: Account | undefined,
  namespace: NativeNamespace | undefined,
  inheritance?: Inheritance,
): Promise<Relay> {
  const [all, started] = checkAndKeep(options)
  const { native: checked, signal, several, descriptors } = all
  const inherited = inheritanceOf(inheritance, descriptors)
  const user = account && checkUser(account.user, account.group)
  const events = new EventLog()
  const origin: { name: string; target?: Relay } = { name: checked.name ?? '' }
  const report = (event: RelayEvent) => {
    events.push(event)
    diagnostics.publish({ type: 'event', ...origin, event })
  }
  const onEvent = (native: NativeEvent) => {
    report(toEvent(native))
  }
  let routes: PeerRoutes | undefined
  try {
    const names = new PeerNames({
      listen: checked.listen,
      family: all.family,
      isWaiting: all.waitForDns ?? false,
      report,
    })
    const ends = await resolveEnds(all, names)
    throwIfAborted(signal)
    if (several?.hasRoutes) routes = await openRoutes(checked, namespace, inherited !== undefined)
    const native = await startNative(
      { ...checked, ...ends.options, ...(user === undefined ? {} : { user }) },
      onEvent,
      signal,
      { namespace, inherited },
    )
    const relay = newRelay({ native, events, signal, ends, routes, started })
    Object.assign(origin, { name: relay.info.interface.name, target: relay })
    diagnostics.publish({ type: 'opened', name: origin.name, target: relay })
    return relay
  } catch (error) {
    await routes?.close()
    diagnostics.publish({ type: 'error', name: origin.name, error })
    throw error
  }
}
