import type { NativeNetlink } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { type Check, checkFields } from '../check/fields.ts'
import { KEY, checkKey } from '../lifetime/constructing.ts'
import { type Diagnostic, Diagnostics } from '../diagnostics.ts'
import { Ending } from '../lifetime/ending.ts'
import { fromNative } from '../errors.ts'
import { loadNative } from '../native/native.ts'
import { checkNamespace } from '../check/namespace.ts'
import { Addresses } from './addresses.ts'
import { type Desired, type Ensured, ensureLink } from './ensure.ts'
import { readFresh } from './fresh.ts'
import type { Link, LinkRef } from './linkTypes.ts'
import { Links } from './links.ts'
import { Monitor, type MonitorKind, type MonitorOptions } from './monitor.ts'
import { Neighbors } from './neighbors.ts'
import { Pipeline } from './pipeline.ts'
import { Routes } from './routes.ts'
import { Rules } from './rules.ts'
import { type LinkPredicate, type WaitOptions, waitForLink } from './waitFor.ts'

/** The options of {@link openNetlink}. */
export interface NetlinkOptions {
  /** Network namespace: a name of ip-netns(8), a path (it contains a `/`), a process id, or `name:NAME` or `pid:N`. Default: this one. */
  netns?: string | number | undefined
  /**
   * If aborted while the session is opened, the promise rejects with the signal's reason. If aborted later, the
   * session is closed as by `close()`.
   */
  signal?: AbortSignal | undefined
}

const netns: Check<string> = (_, value) => checkNamespace(value)
const OPTIONS = { netns, signal: abortSignal }

/** An event of a session that is not an error: a monitor lost changes (`overflow`). */
export interface NetlinkSessionEvent {
  readonly kind: 'overflow'
}

/** The messages of the channel `tun2udp:netlink` of `node:diagnostics_channel`. */
export type NetlinkDiagnostic = Diagnostic<Netlink, NetlinkSessionEvent>

const diagnostics = new Diagnostics<Netlink, NetlinkSessionEvent>('netlink')

let newNetlink: (native: NativeNetlink, name: string, signal: AbortSignal | undefined) => Netlink

/**
 * RTNETLINK (rtnetlink(7)): links, addresses, routes, rules and neighbors of one network namespace.
 *
 * Concurrent requests are sent to the kernel together, in their order; each is acknowledged. Reading needs no
 * privileges. Changes need `CAP_NET_ADMIN` in the namespace, and entering a namespace needs `CAP_SYS_ADMIN`. An
 * open session does not keep the process alive.
 *
 * @example
 * await using netlink = await openNetlink({ netns: 'blue' })
 * await netlink.addresses.add('vpn0', '10.0.0.1/24')
 */
export class Netlink implements AsyncDisposable, Disposable {
  /** Links (network interfaces). */
  readonly links: Links
  /** Addresses of links. */
  readonly addresses: Addresses
  /** Routes. */
  readonly routes: Routes
  /** Rules that choose a routing table. */
  readonly rules: Rules
  /** Neighbors and their hardware addresses. */
  readonly neighbors: Neighbors

  readonly #native: NativeNetlink
  readonly #name: string
  readonly #ending = new Ending()
  #release: () => void = () => undefined
  /** Monitors, which end with the session. One without other references may be garbage-collected earlier. */
  #monitors: WeakRef<Monitor>[] = []

  private constructor(
    key: typeof KEY,
    native: NativeNetlink,
    name: string,
    signal: AbortSignal | undefined,
  ) {
    checkKey(key, 'Netlink', 'openNetlink()')
    this.#native = native
    this.#name = name
    const pipeline = new Pipeline(native)
    this.links = new Links(native, pipeline)
    this.addresses = new Addresses(native, pipeline)
    this.routes = new Routes(native, pipeline)
    this.rules = new Rules(native, pipeline)
    this.neighbors = new Neighbors(native, pipeline)
    this.#release = onceAborted(signal, () => void this.close())
  }

  /**
   * Returns a monitor of changes. Every change after this call is reported.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if an option or a kind is refused.
   * @throws the reason of `options.signal` when it was aborted.
   *
   * @example
   * for await (const event of netlink.monitor(['link', 'address'])) console.log(event)
   */
  monitor(kinds: readonly MonitorKind[], options: MonitorOptions = {}): Monitor {
    const readers = {
      fresh: (all: readonly MonitorKind[]) => readFresh(this, all),
      onOverflow: this.#onOverflow,
    }
    const monitor = Monitor.open(this.#native, readers, kinds, options)
    this.#monitors = this.#monitors.filter((one) => one.deref()?.isOpen === true)
    this.#monitors.push(new WeakRef(monitor))
    return monitor
  }

  /**
   * Waits until a predicate returns true for a link, and returns the link in that state. Resolves immediately if it
   * already does.
   *
   * @example
   * await netlink.waitFor('vpn0', (link) => link?.operState === 'up', { timeoutMs: 5000 })
   * @throws {TunError} `ERR_TUN_TIMEOUT` when `timeoutMs` is over.
   * @throws {TunError} `ERR_TUN_CLOSED` when the session is closed.
   * @throws the reason of `options.signal` when it was aborted.
   */
  async waitFor(
    link: LinkRef,
    predicate: LinkPredicate,
    options: WaitOptions = {},
  ): Promise<Link | undefined> {
    const open = (signal: AbortSignal) => this.monitor(['link'], { signal })
    return waitForLink(this.links, open, link, predicate, options)
  }

  /**
   * Configures a link as described. Settings that already match are not touched, and additional addresses and
   * routes are kept. If a step fails, the steps before it are rolled back.
   *
   * @throws {TunError} the error of the step that failed.
   * @throws {RollbackError} a step failed and some changes are still in place; it lists them.
   */
  async ensure(desired: Desired): Promise<Ensured> {
    return ensureLink(this, this.#name, desired)
  }

  /** Whether `close()` was called, or the signal aborted. */
  get isClosed(): boolean {
    return this.#ending.isClosed
  }

  /** Resolves once the session is closed; it never rejects. Waiting for it does not keep the process alive. */
  get closed(): Promise<void> {
    return this.#ending.closed
  }

  /**
   * Closes the session and ends all pending calls. Monitors end: a pending `next()` resolves with `done`.
   * `waitFor`, `list`, `stream` and requests that were not sent yet reject with `ERR_TUN_CLOSED`. Requests that
   * were sent still get their results. Calling it again has no effect.
   */
  close(): Promise<void> {
    this.#close()
    return this.closed
  }

  /** Closes the session as `close()` does, for `using`. */
  [Symbol.dispose](): void {
    this.#close()
  }

  /** A method without a symbol: the contexts of `node:vm` in Node 20 have no `Symbol.dispose`. */
  #close(): void {
    if (!this.#ending.begin()) return
    this.#release()
    for (const monitor of this.#monitors.splice(0)) monitor.deref()?.close()
    this.#native.close()
    this.#ending.settle()
    diagnostics.publish({ type: 'closed', name: this.#name, target: this })
  }

  /** Closes the session as `close()` does, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly #onOverflow = (): void => {
    const event = { kind: 'overflow' } as const
    diagnostics.publish({ type: 'event', name: this.#name, target: this, event })
  }

  static {
    newNetlink = (native, name, signal) => new Netlink(KEY, native, name, signal)
  }
}

/**
 * Opens a session. A separate thread creates the sockets in the namespace; no thread of Node enters it.
 *
 * @throws {TunError} an option is refused, or the namespace cannot be entered.
 * @throws the reason of `options.signal` when it was aborted.
 */
export async function openNetlink(options: NetlinkOptions = {}): Promise<Netlink> {
  const { netns, signal } = checkFields('options', options, OPTIONS)
  const name = netns ?? ''
  try {
    const netlink = newNetlink(await open(netns, signal), name, signal)
    diagnostics.publish({ type: 'opened', name, target: netlink })
    return netlink
  } catch (error) {
    diagnostics.publish({ type: 'error', name, error })
    throw error
  }
}

async function open(
  netns: string | undefined,
  signal: AbortSignal | undefined,
): Promise<NativeNetlink> {
  throwIfAborted(signal)
  const addon = await loadNative()
  let native
  try {
    native = await addon.openNetlink(netns)
  } catch (error) {
    throwIfAborted(signal)
    throw fromNative(error)
  }
  if (signal?.aborted) {
    native.close()
    throw signal.reason
  }
  return native
}
