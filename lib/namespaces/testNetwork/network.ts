import { onceAborted, throwIfAborted } from '../../check/abort.ts'
import { KEY, checkKey } from '../../lifetime/constructing.ts'
import { Ending } from '../../lifetime/ending.ts'
import { Places, buildNetwork } from './build.ts'
import { type TestHost, endTestHost, newTestHost } from './host.ts'
import { type TestNetworkOptions, checkNetwork } from './options.ts'

let newTestNetwork: <H extends string>(
  places: Places,
  signal: AbortSignal | undefined,
) => TestNetwork<H>

/**
 * Hosts, links, switches and routers, each host and switch a network namespace without a name.
 *
 * Nothing of it remains after `close()`, nor when the process is killed, except for processes that a program left
 * behind in a host: the namespace ends with the last of them. An open network does not keep the process alive.
 */
export class TestNetwork<H extends string = string> implements AsyncDisposable {
  /** The hosts, by name. */
  readonly hosts: Readonly<Record<H, TestHost>>
  readonly #places: Places
  readonly #ending = new Ending()
  #release: () => void = () => undefined

  private constructor(key: typeof KEY, places: Places, signal: AbortSignal | undefined) {
    checkKey(key, 'TestNetwork', 'testNetwork()')
    this.#places = places
    const hosts = [...places.hosts].map(([name, { native }]) => [name, newTestHost(name, native)])
    this.hosts = Object.freeze(Object.fromEntries(hosts) as Record<H, TestHost>)
    this.#release = onceAborted(signal, () => void this.close())
  }

  /** Whether `close()` was called, or the signal aborted. */
  get isClosed(): boolean {
    return this.#ending.isClosed
  }

  /** Resolves once everything is removed; it never rejects. */
  get closed(): Promise<void> {
    return this.#ending.closed
  }

  /** Ends what the hosts created, and removes hosts and links. Calling it again has no effect. */
  async close(): Promise<void> {
    if (!this.#ending.begin()) return this.closed
    this.#release()
    await Promise.all(Object.values<TestHost>(this.hosts).map(endTestHost))
    this.#places.close()
    this.#ending.settle()
  }

  /** Closes the network as `close()` does, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  static {
    newTestNetwork = (places, signal) => new TestNetwork(KEY, places, signal)
  }
}

/**
 * Builds a network for tests out of a description: hosts that are namespaces, cables and switches between them, with
 * addresses and routes. Everything can be used at once: interfaces are up, and IPv6 addresses are not tentative.
 *
 * Needs CAP_SYS_ADMIN and CAP_NET_ADMIN. If it fails, everything is removed.
 *
 * @throws {TunError} the description is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 *
 * @example
 * await using network = await testNetwork({
 *   hosts: { a: { gateway: '10.0.1.1' }, r: { router: true }, b: { gateway: '10.0.2.1' } },
 *   links: [
 *     { ends: { a: '10.0.1.2/24', r: '10.0.1.1/24' } },
 *     { ends: { r: '10.0.2.1/24', b: '10.0.2.2/24' }, mtu: 1400 },
 *   ],
 * })
 * await network.hosts.a.run('ping', ['-c', '1', '10.0.2.2'])
 */
export async function testNetwork<const H extends string>(
  options: TestNetworkOptions<H>,
): Promise<TestNetwork<H>> {
  const plan = checkNetwork(options)
  throwIfAborted(plan.signal)
  const places = new Places()
  try {
    await buildNetwork(plan, places)
    places.closeSessions()
    return newTestNetwork<H>(places, plan.signal)
  } catch (error) {
    places.close()
    throwIfAborted(plan.signal)
    throw error
  }
}
