import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { NativeNamespace } from '#binding'
import { KEY } from '../../lifetime/constructing.ts'
import { Namespace } from '../namespace.ts'
import type { NamespaceListenOptions, NamespaceServer } from '../streams.ts'

type End = () => Promise<void> | void

export let newTestHost: (name: string, native: NativeNamespace) => TestHost
/** Ends what was created in a host, and closes the host. */
export let endTestHost: (host: TestHost) => Promise<void>

/**
 * A host of a {@link TestNetwork}: a namespace of its own, with loopback up and IPv6 addresses that are usable at once.
 *
 * It is closed with its network, which also ends what the host created: processes by SIGKILL, sockets, servers and
 * their connections, devices, sessions and relays.
 */
export class TestHost extends Namespace {
  /** The name that it has in the description of the network. */
  readonly name: string
  readonly #ends = new Set<End>()

  private constructor(key: typeof KEY, name: string, native: NativeNamespace) {
    super(key, native)
    this.name = name
  }

  override listen(
    options: NamespaceListenOptions = {},
    connectionListener?: (socket: Socket) => void,
  ): NamespaceServer {
    const server = super.listen(options, connectionListener)
    server.on('connection', (socket: Socket) => {
      this.keep(socket, () => void socket.destroy())
    })
    return server
  }

  protected override keep<T>(created: T, end: End): T {
    this.#ends.add(end)
    const forget = () => void this.#ends.delete(end)
    if (created instanceof EventEmitter) created.once('close', forget)
    else (created as { closed: Promise<void> }).closed.then(forget, forget)
    return created
  }

  async #end(): Promise<void> {
    const ends = [...this.#ends].reverse()
    // A relay that failed, for example, has reported that itself.
    await Promise.allSettled(ends.map(async (end) => end()))
    await this.close()
  }

  static {
    newTestHost = (name, native) => new TestHost(KEY, name, native)
    endTestHost = async (host) => host.#end()
  }
}
