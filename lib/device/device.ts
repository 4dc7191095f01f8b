import type { Duplex } from 'node:stream'
import type { NativeDevice } from '#binding'
import { onceAborted } from '../check/abort.ts'
import { type KEY, checkKey } from '../lifetime/constructing.ts'
import { diagnostics } from './diagnostics.ts'
import { SourceIterator } from './packets/iterator.ts'
import {
  type BatchOptions,
  type ReadOptions,
  type Whole,
  checkBatches,
  checkPacked,
  checkReading,
  checkReadingOne,
} from './packets/readOptions.ts'
import { PacketSink } from './packets/sink.ts'
import { type PackedBatch, PacketSource } from './packets/source.ts'
import type { StreamOptions } from './streams/streamOptions.ts'
import { DeviceStreams, type PacketStreams } from './streams/streams.ts'
import type { SuperPacket } from './packets/vnet.ts'
import { type Watching, watch } from './watching/watching.ts'
import { WritableDevice } from './packets/writing.ts'
import { Ending } from '../lifetime/ending.ts'

/** Which super-packets the kernel exchanges with a device. */
export interface DeviceOffloads {
  /** Written packets of a flow are coalesced into super-packets. */
  readonly coalesce: boolean
  /** TCP super-packets, `TUN_F_TSO4` and `TUN_F_TSO6`. */
  readonly tso: boolean
  /** UDP super-packets, `TUN_F_USO4` and `TUN_F_USO6`. */
  readonly uso: boolean
}

/** The options of opening that the device object needs. */
export interface OpenedOptions {
  readonly highWaterMark: number
  readonly signal: AbortSignal | undefined
}

/** An open TUN or TAP device: {@link TunDevice}, {@link TapDevice}. */
export abstract class Device
  extends WritableDevice
  implements AsyncDisposable, Disposable, AsyncIterable<Buffer, undefined>
{
  /** The interface's name, as the kernel gave it. */
  readonly name: string
  /** The interface's index in its network namespace. */
  readonly ifIndex: number
  /** The interface's MTU in bytes, when it was opened. */
  readonly mtu: number
  /** The `IFF_` flags of `TUNGETIFF`, when it was opened. */
  readonly flags: number
  /** Which super-packets the kernel exchanges with the library. */
  readonly offload: DeviceOffloads
  /** The maximum number of packets that are read ahead. */
  readonly highWaterMark: number
  /** Resolves once the device is closed; it never rejects. Waiting for it does not keep the process alive. */
  readonly closed: Promise<void>

  readonly #native: NativeDevice
  readonly #readiness: Watching
  readonly #source: PacketSource
  readonly #sink: PacketSink
  readonly #streams: DeviceStreams
  readonly #ending = new Ending()
  #release: () => void = () => undefined

  /** @internal */
  protected constructor(key: typeof KEY, native: NativeDevice, options: OpenedOptions) {
    checkKey(key, 'Device', 'openTun() or openTap()')
    const { highWaterMark, signal } = options
    const watching = watch(native)
    const { packets } = native
    const sink = new PacketSink(native, packets, watching)
    super(native, watching, sink)
    const { name, index, mtu, flags, tso, uso, coalesce } = native.info
    this.name = name
    this.ifIndex = index
    this.mtu = mtu
    this.flags = flags
    this.offload = { tso, uso, coalesce }
    this.highWaterMark = highWaterMark
    this.#native = native
    this.#readiness = watching
    this.#source = new PacketSource(native, packets, watching, highWaterMark)
    this.#source.onPause = (pauseMs) => {
      const event = { kind: 'read-failed', pauseMs } as const
      diagnostics.publish({ type: 'event', name, target: this, event })
    }
    this.#source.onFailure = (error) => {
      diagnostics.publish({ type: 'error', name, target: this, error })
    }
    this.#sink = sink
    this.#streams = new DeviceStreams({
      name,
      highWaterMark,
      batches: (options) => this.batches(options),
      write: (packet) => sink.write(packet),
      writeBatch: (packets) => sink.writeBatch(packets),
    })
    this.closed = this.#ending.closed
    this.#release = onceAborted(signal, () => void this.close())
  }

  /** Whether `close()` was called, or the signal aborted. */
  get isClosed(): boolean {
    return this.#ending.isClosed
  }

  /**
   * The file descriptor of the device's first queue, for calls that this package does not provide; `undefined` once the
   * device is closed. The device owns it: do not close it, read from it or write to it.
   */
  get fd(): number | undefined {
    return this.isClosed ? undefined : this.#native.info.fd
  }

  /**
   * Returns the packets, one by one, until the device is closed: `for await (const packet of tun)`.
   *
   * Only one loop runs at a time. The next loop starts with the packets that the previous one read ahead.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer, undefined> {
    return this.packets()
  }

  /**
   * Returns the packets, one by one, with options. During another loop, `next()` rejects with `ERR_TUN_LOCKED`.
   *
   * @throws {TunError} an option is refused.
   */
  packets(options: ReadOptions & Whole): AsyncIterableIterator<SuperPacket, undefined>
  packets(options?: ReadOptions): AsyncIterableIterator<Buffer, undefined>
  packets(
    options: ReadOptions & Partial<Whole> = {},
  ): AsyncIterableIterator<Buffer | SuperPacket, undefined> {
    const source = this.#source
    const taking = { ...checkReading(options), maxPackets: this.highWaterMark }
    const take = taking.superpackets ? () => source.takeSuper() : () => source.take()
    return new SourceIterator<Buffer | SuperPacket>(source, { ...taking, take })
  }

  /**
   * Returns the available packets in batches, which costs less per packet. During another loop, `next()` rejects
   * with `ERR_TUN_LOCKED`.
   *
   * @throws {TunError} an option is refused.
   */
  batches(options: BatchOptions & Whole): AsyncIterableIterator<SuperPacket[], undefined>
  batches(options?: BatchOptions): AsyncIterableIterator<Buffer[], undefined>
  batches(
    options: BatchOptions & Partial<Whole> = {},
  ): AsyncIterableIterator<Buffer[] | SuperPacket[], undefined> {
    const source = this.#source
    const taking = checkBatches(options, this.highWaterMark)
    const take = taking.superpackets
      ? () => source.takeSuperBatch(taking.maxPackets)
      : () => source.takeBatch(taking.maxPackets)
    return new SourceIterator<Buffer[] | SuperPacket[]>(source, { ...taking, take })
  }

  /**
   * Returns the packets in batches, end to end in one buffer, which costs the least per packet. During another
   * loop, `next()` rejects with `ERR_TUN_LOCKED`.
   *
   * @throws {TunError} an option is refused.
   */
  packedBatches(options: BatchOptions = {}): AsyncIterableIterator<PackedBatch, undefined> {
    const source = this.#source
    const taking = checkPacked(options, this.highWaterMark)
    return new SourceIterator(source, {
      ...taking,
      take: () => source.takePacked(taking.maxPackets, taking.reuse),
    })
  }

  /**
   * Returns the next packet, or `undefined` once the device is closed.
   *
   * @throws {TunError} `ERR_TUN_DEVICE_DELETED` once the interface was deleted, `ERR_TUN_LOCKED` during a loop.
   */
  async read(options: { signal?: AbortSignal | undefined } = {}): Promise<Buffer | undefined> {
    const source = this.#source
    const taking = { ...checkReadingOne(options), maxPackets: this.highWaterMark }
    const packets = new SourceIterator(source, { ...taking, take: () => source.take() })
    try {
      return (await packets.next()).value
    } finally {
      void packets.return()
    }
  }

  /**
   * The packets as a Web stream. It is the same stream until it has ended, and a new one afterwards.
   *
   * It counts as a loop: it starts when it is read, and holds the device until it is cancelled.
   */
  get readable(): ReadableStream<Uint8Array> {
    return this.#streams.readable
  }

  /**
   * A Web stream whose packets are written to the device. It is the same stream until it has ended, and a new one
   * afterwards.
   *
   * It ends with the error of a packet that the kernel refuses. Closing it does not close the device.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#streams.writable
  }

  /**
   * Returns a new pair of Web streams, with options.
   *
   * @throws {TunError} an option is refused.
   */
  streams(options: StreamOptions = {}): PacketStreams {
    return this.#streams.streams(options)
  }

  /**
   * Returns the device as a new Node stream in object mode, whose objects are packets. Destroying it does not close the
   * device.
   *
   * @throws {TunError} an option is refused.
   */
  duplex(options: StreamOptions = {}): Duplex {
    return this.#streams.duplex(options)
  }

  /** Keeps the process alive while a read is pending. This is the default. */
  ref(): this {
    this.#readiness.setReferenced(true)
    return this
  }

  /** Allows the process to exit while a read is pending. */
  unref(): this {
    this.#readiness.setReferenced(false)
    return this
  }

  /**
   * Closes the device: loops end, and writes that wait for room reject with `ERR_TUN_CLOSED`. With its last queue the
   * interface is deleted, unless it is persistent. Calling it again has no effect.
   *
   * The kernel takes about 20 ms to delete an interface. That happens off the event loop, and the promise resolves
   * once the interface is deleted.
   */
  close(): Promise<void> {
    if (this.#begin()) {
      const settle = () => {
        this.#settle()
      }
      void closeNative(this.#native).then(settle)
      this.#endUses()
    }
    return this.closed
  }

  /**
   * Closes the device as `close()` does, for `using`. The interface is deleted at the return: the event loop waits for
   * the kernel, about 20 ms. `await using` does not block it.
   */
  [Symbol.dispose](): void {
    if (!this.#begin()) return
    this.#native.closeNow()
    this.#endUses()
    this.#settle()
  }

  /** Closes the device as `close()` does, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Begins the closing; returns whether this is the first call. */
  #begin(): boolean {
    if (!this.#ending.begin()) return false
    this.#release()
    this.keepStats()
    this.#readiness.close()
    return true
  }

  /** Ends loops, writes and streams, once the native device is unusable. */
  #endUses(): void {
    this.#source.finish(undefined)
    this.#sink.close()
    this.#streams.close()
  }

  #settle(): void {
    this.#ending.settle()
    diagnostics.publish({ type: 'closed', name: this.name, target: this })
  }
}

/**
 * Closes a native device off the event loop. It is unusable from this call on; the promise resolves once the
 * interface is deleted.
 */
export async function closeNative(native: NativeDevice): Promise<void> {
  try {
    await native.close()
  } catch {
    // No thread could be started: the device was closed on this one.
  }
}
