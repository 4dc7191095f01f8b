import type { ChildProcess, spawn } from 'node:child_process'
import type { RemoteInfo, Socket as DatagramSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import type { NativeNamespace } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { checkFields } from '../check/fields.ts'
import { checkNamespace } from '../check/namespace.ts'
import type { TapDevice, TunDevice } from '../device/kinds.ts'
import { openTap, openTun } from '../device/open.ts'
import { fromNative, invalidArgument } from '../errors.ts'
import { KEY, checkKey } from '../lifetime/constructing.ts'
import { Ending } from '../lifetime/ending.ts'
import { loadNativeNow } from '../native/native.ts'
import { type Netlink, type NetlinkOptions, openNetlink } from '../netlink/netlink.ts'
import type { RelayOptions, TapOptions, TunOptions } from '../options/declarations.ts'
import { type Relay, startRelayIn } from '../relay/relay.ts'
import { type NamespaceSocketOptions, closeOnce, createSocketIn } from './datagrams.ts'
import { pathOf } from './open.ts'
import { type Output, type RunOptions, endProcess, runIn, spawnIn } from './processes.ts'
import {
  type NamespaceConnectOptions,
  type NamespaceListenOptions,
  type NamespaceServer,
  connectIn,
  listenIn,
} from './streams.ts'

/** The options of {@link inNamespace}. */
export interface NamespaceOptions {
  /** If it is aborted, the namespace is closed as by `close()`. */
  signal?: AbortSignal | undefined
}

/** Options of a function that opens something in a namespace, which is therefore not an option. */
type Inside<T> = Omit<T, 'netns'>

const OPTIONS = { signal: abortSignal }

/**
 * A network namespace in which processes, sockets and devices are created.
 *
 * Its methods return ordinary objects of Node and of this package. The process itself stays in its namespace.
 * An open namespace does not keep the process alive. It exists as long as it is open, also without its name.
 *
 * @example
 * const blue = inNamespace('blue')
 * const server = blue.listen({ port: 7 }, (socket) => socket.pipe(socket))
 * const { stdout } = await blue.run('ip', ['address'])
 */
export class Namespace implements AsyncDisposable, Disposable {
  readonly #native: NativeNamespace
  readonly #ending = new Ending()
  #release: () => void = () => undefined

  /** @internal */
  constructor(key: typeof KEY, native: NativeNamespace, signal?: AbortSignal) {
    checkKey(key, new.target.name, 'inNamespace()')
    this.#native = native
    this.#release = onceAborted(signal, () => void this.close())
  }

  /**
   * A path of the namespace for the option `netns` of other functions and programs, valid while it is open.
   *
   * @throws {TunError} `ERR_TUN_CLOSED`
   */
  get netns(): string {
    return pathOf(this.#native)
  }

  /**
   * Starts a process in the namespace. Arguments and result are those of `child_process.spawn()`, which also checks
   * the arguments.
   *
   * Only the network differs: unlike `ip netns exec`, it neither mounts another `/sys` nor replaces files in `/etc`.
   *
   * @throws {TunError} the namespace is closed or cannot be entered.
   */
  readonly spawn: typeof spawn = ((...args: unknown[]): ChildProcess => {
    const child = spawnIn(this.#native, args)
    return this.keep(child, () => endProcess(child))
  }) as typeof spawn

  /**
   * Runs a program in the namespace to its end, and returns what it printed.
   *
   * It rejects as `util.promisify(child_process.execFile)` does if the program cannot be started or fails.
   *
   * @throws {TunError} the namespace is closed or cannot be entered.
   */
  async run(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Output> {
    const output = runIn(this.#native, file, args, options)
    this.keep(output.child, () => endProcess(output.child))
    return output
  }

  /**
   * Returns a socket that connects to a TCP server, as `net.connect()` does: it emits `connect` or `error`.
   *
   * @throws {TunError} an option is refused, or the namespace is closed or cannot be entered.
   * @throws the reason of `options.signal` when it was aborted.
   */
  connect(options: NamespaceConnectOptions, connectListener?: () => void): Socket {
    const socket = connectIn(this.#native, options, connectListener)
    return this.keep(socket, () => void socket.destroy())
  }

  /**
   * Returns a TCP server that listens. Its port is known at once: `server.address()`.
   *
   * @throws {TunError} an option is refused, the address cannot be bound, or the namespace is closed or cannot be
   *   entered.
   * @throws the reason of `options.signal` when it was aborted.
   */
  listen(
    options: NamespaceListenOptions = {},
    connectionListener?: (socket: Socket) => void,
  ): NamespaceServer {
    const server = listenIn(this.#native, options, connectionListener)
    return this.keep(server, () => void server.close())
  }

  /**
   * Returns a UDP socket, as `dgram.createSocket()` does. It is bound in the namespace, by `bind()` or the first
   * `send()`.
   *
   * @throws {TunError} an option is refused, or the namespace is closed.
   * @throws the reason of `options.signal` when it was aborted.
   */
  createSocket(
    options: 'udp4' | 'udp6' | NamespaceSocketOptions,
    messageListener?: (message: Buffer, sender: RemoteInfo) => void,
  ): DatagramSocket {
    const socket = createSocketIn(this.#native, options, messageListener)
    return this.keep(socket, () => {
      closeOnce(socket)
    })
  }

  /** Opens a TUN device in the namespace, as {@link openTun} does. */
  async openTun(options: Inside<TunOptions> = {}): Promise<TunDevice> {
    const tun = await openTun(this.#inside(options))
    return this.keep(tun, () => tun.close())
  }

  /** Opens a TAP device in the namespace, as {@link openTap} does. */
  async openTap(options: Inside<TapOptions> = {}): Promise<TapDevice> {
    const tap = await openTap(this.#inside(options))
    return this.keep(tap, () => tap.close())
  }

  /** Opens an RTNETLINK session in the namespace, as {@link openNetlink} does. */
  async openNetlink(options: Inside<NetlinkOptions> = {}): Promise<Netlink> {
    const netlink = await openNetlink(this.#inside(options))
    return this.keep(netlink, () => netlink.close())
  }

  /**
   * Starts a relay in the namespace, as {@link startRelay} does. Its interface and its UDP socket are both in the
   * namespace. Names of peers are resolved outside.
   */
  async startRelay(options: Inside<RelayOptions>): Promise<Relay> {
    refuseNetns(options)
    const relay = await startRelayIn(options, undefined, this.#native)
    return this.keep(relay, () => relay.close())
  }

  /** Whether `close()` was called, or the signal aborted. */
  get isClosed(): boolean {
    return this.#ending.isClosed
  }

  /** Resolves once the namespace is closed; it never rejects. */
  get closed(): Promise<void> {
    return this.#ending.closed
  }

  /**
   * Releases the namespace. Objects that were created in it stay usable, but a UDP socket can no longer be bound.
   * Calling it again has no effect.
   */
  close(): Promise<void> {
    this[Symbol.dispose]()
    return this.closed
  }

  /** Closes the namespace as `close()` does, for `using`. */
  [Symbol.dispose](): void {
    if (!this.#ending.begin()) return
    this.#release()
    this.#native.close()
    this.#ending.settle()
  }

  /** Closes the namespace as `close()` does, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Notes something that was created, and how it is ended; a subclass may end it. */
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- a subclass uses it
  protected keep<T>(created: T, _end: () => Promise<void> | void): T {
    return created
  }

  #inside<T extends object>(options: T): T & { netns?: string } {
    refuseNetns(options)
    // The function that takes the options refuses values that are not objects.
    if (typeof options !== 'object' || (options as unknown) === null || Array.isArray(options))
      return options
    const netns = { value: this.netns, enumerable: true }
    return Object.create(options, { netns }) as T & { netns: string }
  }
}

/** Refuses a namespace among options of something that is opened in this one. */
function refuseNetns(options: unknown): void {
  const isGiven = typeof options === 'object' && options !== null && 'netns' in options
  if (isGiven) throw invalidArgument('netns', options.netns, 'none, because the namespace is given')
}

/**
 * Opens a network namespace: a name of ip-netns(8), a path (it holds a `/`), a process id, or
 * `name:NAME` or `pid:N`.
 *
 * Opening it needs no privilege; creating something in it needs CAP_SYS_ADMIN.
 *
 * @throws {TunError} `ERR_TUN_NOT_FOUND` if it does not exist.
 * @throws the reason of `options.signal` when it was aborted.
 *
 * @example
 * const blue = inNamespace('blue')
 * const child = blue.spawn('ping', ['-c', '1', '10.0.0.1'], { stdio: 'inherit' })
 */
export function inNamespace(netns: string | number, options: NamespaceOptions = {}): Namespace {
  const name = checkNamespace(netns)
  const { signal } = checkFields('options', options, OPTIONS)
  throwIfAborted(signal)
  const native = loadNativeNow()
  try {
    return new Namespace(KEY, native.openNamespace(name), signal)
  } catch (error) {
    throw fromNative(error)
  }
}
