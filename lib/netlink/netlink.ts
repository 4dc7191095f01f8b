import type { NativeNetlink } from '#binding'
import { type Check, checkFields } from '../check/fields.ts'
import { fromNative } from '../errors.ts'
import { loadNative } from '../native.ts'
import { checkNamespace } from '../options/namespace.ts'
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

/** The options of {@link Netlink.open}. */
export interface NetlinkOptions {
  /** Network namespace: a name of ip-netns(8), a path (it holds a `/`), or a process id. Default: this one. */
  netns?: string | number
}

/**
 * RTNETLINK (rtnetlink(7)): links, addresses, routes, rules and neighbors of one network namespace.
 *
 * Requests made at the same time go to the kernel together, in their order; each is acknowledged.
 * Looking needs no privilege, changing needs CAP_NET_ADMIN in the namespace, and entering one
 * CAP_SYS_ADMIN. An open session does not keep the process alive.
 *
 * @example
 * await using netlink = await Netlink.open({ netns: 'blue' })
 * await netlink.addresses.add('vpn0', '10.0.0.1/24')
 */
export class Netlink implements AsyncDisposable {
  /** Links (network interfaces). */
  readonly links: Links
  /** Addresses of links. */
  readonly addresses: Addresses
  /** Routes. */
  readonly routes: Routes
  /** Rules that choose a routing table. */
  readonly rules: Rules
  /** Neighbors, and what is known of their hardware addresses. */
  readonly neighbors: Neighbors

  readonly #native: NativeNetlink
  /** Watches that end with the session; one that nobody refers to may be collected before. */
  #monitors: WeakRef<Monitor>[] = []

  private constructor(native: NativeNetlink) {
    this.#native = native
    const pipeline = new Pipeline(native)
    this.links = new Links(native, pipeline)
    this.addresses = new Addresses(native, pipeline)
    this.routes = new Routes(native, pipeline)
    this.rules = new Rules(native, pipeline)
    this.neighbors = new Neighbors(native, pipeline)
  }

  /**
   * Opens a session. Its sockets are made in the namespace by a thread of their own; no thread of
   * Node moves.
   *
   * @throws {TunError} an option is refused, or the namespace cannot be entered.
   */
  static async open(options: NetlinkOptions = {}): Promise<Netlink> {
    const netns: Check<string> = (_, value) => checkNamespace(value)
    const checked = checkFields('options', options, { netns })
    const { openNetlink } = await loadNative()
    try {
      return new Netlink(await openNetlink(checked.netns))
    } catch (error) {
      throw fromNative(error)
    }
  }

  /**
   * Watches for changes, from now on: what changes after this returned is told.
   *
   * @example
   * for await (const event of netlink.monitor(['link', 'address'])) console.log(event)
   */
  monitor(kinds: readonly MonitorKind[], options: MonitorOptions = {}): Monitor {
    const monitor = Monitor.open(this.#native, (all) => readFresh(this, all), kinds, options)
    this.#monitors = this.#monitors.filter((one) => one.deref()?.isOpen === true)
    this.#monitors.push(new WeakRef(monitor))
    return monitor
  }

  /**
   * Waits until a link is as it should be, perhaps at once; gives the link as it then was.
   *
   * @example
   * await netlink.waitFor('vpn0', (link) => link?.operState === 'up', { timeoutMs: 5000 })
   * @throws {TunError} `ERR_TUN_TIMEOUT` when `timeoutMs` is over.
   * @throws {TunError} `ERR_TUN_ABORTED` when the session is closed.
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
   * Makes a link as it should be: what is so already is left alone, and what is there beyond it, too.
   * If a step fails, those before it are taken back.
   */
  async ensure(desired: Desired): Promise<Ensured> {
    return ensureLink(this, desired)
  }

  /**
   * Closes the session, and ends everything that waits on it. Monitors end: a pending `next()` resolves
   * with `done`. `waitFor`, `list`, `stream` and requests that were not sent yet reject with
   * `ERR_TUN_ABORTED`. Requests that were sent still get their results. Calling it again has no effect.
   */
  close(): void {
    for (const monitor of this.#monitors.splice(0)) monitor.deref()?.close()
    this.#native.close()
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }
}
