import type { NativeNetlink } from '#binding'
import { fromNative } from '../errors.ts'
import { loadNative } from '../native.ts'
import { checkNamespace } from '../options/namespace.ts'
import { Addresses } from './addresses.ts'
import { type Check, checkFields } from './check.ts'
import { Links } from './links.ts'
import { Pipeline } from './pipeline.ts'
import { Routes } from './routes.ts'

/** The options of {@link Netlink.open}. */
export interface NetlinkOptions {
  /** Network namespace: a name of ip-netns(8), a path (it holds a `/`), or a process id. Default: this one. */
  netns?: string | number
}

/**
 * RTNETLINK (rtnetlink(7)): links, addresses and routes of one network namespace.
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

  readonly #native: NativeNetlink

  private constructor(native: NativeNetlink) {
    this.#native = native
    const pipeline = new Pipeline(native)
    this.links = new Links(native, pipeline)
    this.addresses = new Addresses(native, pipeline)
    this.routes = new Routes(native, pipeline)
  }

  /**
   * Opens a session. Its sockets are made in the namespace by a thread of their own; no thread of
   * Node moves.
   *
   * @throws {TunError} an option is refused, or the namespace cannot be entered.
   */
  static async open(options: NetlinkOptions = {}): Promise<Netlink> {
    const netns: Check = (_, value) => checkNamespace(value)
    const checked = checkFields('options', options, { netns })
    const { openNetlink } = await loadNative()
    try {
      return new Netlink(await openNetlink(checked['netns'] as string | undefined))
    } catch (error) {
      throw fromNative(error)
    }
  }

  /** Closes the session; what is under way still comes to its end. Once is enough, more do no harm. */
  close(): void {
    this.#native.close()
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }
}
