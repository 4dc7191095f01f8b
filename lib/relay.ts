import type { NativeRelay, NativeRelayOptions, RelayStats } from '#binding'
import { throwIfAborted } from './check/abort.ts'
import { fromNative } from './errors.ts'
import { type RelayInfo, toInfo } from './info.ts'
import { loadNative } from './native.ts'
import { checkFamilies } from './options/peer.ts'
import type { RelayOptions } from './options/declarations.ts'
import { checkOptions } from './options/relay.ts'
import { resolvePeer } from './resolve.ts'

/**
 * A TUN interface joined to UDP: each IP packet is the whole payload of one datagram, both ways.
 *
 * The packets never pass through JavaScript. An open relay keeps the process alive.
 *
 * @example
 * await using relay = await Relay.start({ addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 5002 })
 * await relay.closed
 */
export class Relay implements AsyncDisposable {
  /** What the relay became: the interface and both UDP ends. */
  readonly info: RelayInfo

  /**
   * Settles once everything is released: resolves after `close()` or an abort, rejects with a
   * {@link TunError} when the relay failed, `ERR_TUN_DEVICE_DELETED` for one. It may be left alone: it is
   * never an unhandled rejection.
   */
  readonly closed: Promise<void>

  readonly #native: NativeRelay

  private constructor(native: NativeRelay, signal: AbortSignal | undefined) {
    this.#native = native
    this.info = toInfo(native.info)
    const abort = () => void this.close()
    signal?.addEventListener('abort', abort, { once: true })
    this.closed = settle(native, () => signal?.removeEventListener('abort', abort))
    // A caller who does not look at it is not to die of it.
    this.closed.catch(() => undefined)
  }

  /**
   * Opens and configures the interface, binds the socket and begins to relay.
   *
   * Needs CAP_NET_ADMIN in the namespace of the interface. Whatever makes it fail, nothing is left behind.
   *
   * @throws {TunError} an option is refused, or a step failed.
   * @throws the reason of `options.signal` when it was aborted.
   */
  static async start(options: RelayOptions): Promise<Relay> {
    const { native: checked, peer: host, signal, onEvent } = checkOptions(options)
    const peer = await resolvePeer(host, checked.listen, signal)
    if (checked.listen !== undefined) checkFamilies(checked.listen, peer)
    throwIfAborted(signal)
    const native = await startNative({ ...checked, peer }, onEvent, signal)
    if (signal?.aborted) {
      // A start cannot be broken off half-way: so that nothing stays behind, it is completed and undone.
      await native.close().catch(() => undefined)
      throw signal.reason
    }
    return new Relay(native, signal)
  }

  /** The counters up to now; after the end, the last ones. */
  stats(): RelayStats {
    try {
      return this.#native.stats()
    } catch (error) {
      throw fromNative(error)
    }
  }

  /**
   * Ends the relay and removes all that it added; once is enough, more do no harm.
   *
   * Resolves when everything is released, also when the relay had failed before: `closed` tells of that.
   */
  async close(): Promise<void> {
    await this.#native.close().catch(() => undefined)
    await this.closed.catch(() => undefined)
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

async function startNative(
  options: NativeRelayOptions,
  onEvent: RelayOptions['onEvent'],
  signal: AbortSignal | undefined,
): Promise<NativeRelay> {
  const { startRelay } = await loadNative()
  try {
    return await startRelay(options, onEvent)
  } catch (error) {
    throwIfAborted(signal)
    throw fromNative(error)
  }
}

/** Waiting for the end from the very start is also what keeps the process alive. */
async function settle(native: NativeRelay, release: () => void): Promise<void> {
  try {
    await native.closed()
  } catch (error) {
    throw fromNative(error)
  } finally {
    release()
  }
}
