import type { Duplex } from 'node:stream'
import type { NativeDevice } from '#binding'
import { type WriteOptions, writeUntilAborted } from './device/abort.ts'
import { DeviceControl } from './device/control.ts'
import { SourceIterator } from './device/iterator.ts'
import {
  type BatchOptions,
  type ReadOptions,
  type Whole,
  checkBatches,
  checkPacked,
  checkReading,
  checkReadingOne,
} from './device/readOptions.ts'
import { PacketSink } from './device/sink.ts'
import { type PackedBatch, PacketSource } from './device/source.ts'
import type { StreamOptions } from './device/streamOptions.ts'
import { DeviceStreams, type PacketStreams } from './device/streams.ts'
import type { SuperPacket, VnetHeader } from './device/vnet.ts'
import { type Watching, watch } from './device/watching.ts'
import { invalidArgument } from './errors.ts'
import {
  type BpfInstruction,
  type MacFilter,
  checkMacFilter,
  checkProgram,
} from './options/filter.ts'

/** Which super-packets the kernel exchanges with a device. */
export interface DeviceOffloads {
  /** TCP super-packets, `TUN_F_TSO4` and `TUN_F_TSO6`. */
  readonly tso: boolean
  /** UDP super-packets, `TUN_F_USO4` and `TUN_F_USO6`. */
  readonly uso: boolean
}

/** An open TUN or TAP device: {@link TunDevice}, {@link TapDevice}. */
export abstract class Device
  extends DeviceControl
  implements AsyncDisposable, AsyncIterable<Buffer, undefined>
{
  /** The interface's name, as the kernel gave it. */
  readonly name: string
  /** The interface's index in its network namespace. */
  readonly index: number
  /** The interface's MTU in bytes, when it was opened. */
  readonly mtu: number
  /** The `IFF_` flags of `TUNGETIFF`, when it was opened. */
  readonly flags: number
  /** Which super-packets the kernel exchanges with the library. */
  readonly offload: DeviceOffloads
  /** Packets read ahead of who asks for them, at most. */
  readonly highWaterMark: number

  readonly #native: NativeDevice
  readonly #readiness: Watching
  readonly #source: PacketSource
  readonly #sink: PacketSink
  readonly #streams: DeviceStreams
  #isClosed = false

  /** @internal */
  constructor(native: NativeDevice, highWaterMark: number) {
    const watching = watch(native)
    super(native, watching)
    const { name, index, mtu, flags, tso, uso } = native.info
    this.name = name
    this.index = index
    this.mtu = mtu
    this.flags = flags
    this.offload = { tso, uso }
    this.highWaterMark = highWaterMark
    this.#native = native
    this.#readiness = watching
    const { packets } = native
    this.#source = new PacketSource(native, packets, watching, highWaterMark)
    this.#sink = new PacketSink(native, packets, watching)
    this.#streams = new DeviceStreams(this)
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#isClosed
  }

  /**
   * The packets, one by one, until the device is closed: `for await (const packet of tun)`.
   *
   * One loop at a time; when it is left, what was read ahead is there for the next.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer, undefined> {
    return this.packets()
  }

  /** The packets, one by one, with options. */
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

  /** The packets in batches, as many as are there: less work a packet. */
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

  /** The packets in batches that lie end to end in one buffer: the least work a packet. */
  packedBatches(options: BatchOptions = {}): AsyncIterableIterator<PackedBatch, undefined> {
    const source = this.#source
    const taking = checkPacked(options, this.highWaterMark)
    return new SourceIterator(source, {
      ...taking,
      take: () => source.takePacked(taking.maxPackets, taking.reuse),
    })
  }

  /**
   * The next packet, or nothing once the device is closed.
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
   * Writes a packet at once. Only if the device has no room, a promise is given, and the packet must not be
   * changed until it is settled; `await tun.write(packet)` is right in both cases.
   *
   * @throws {TunError} the kernel did not take the packet: `ERR_TUN_PACKET_REFUSED`, `ERR_TUN_INTERFACE_DOWN`,
   * `ERR_TUN_DEVICE_DELETED`.
   */
  write(packet: Uint8Array, options?: WriteOptions): Promise<void> | undefined {
    if (options !== undefined) return writeUntilAborted(() => this.#sink.write(packet), options)
    return this.#sink.write(packet)
  }

  /**
   * Writes packets, those of a flow in order and joined where the device takes that. Only if the device has no
   * room, a promise is given.
   *
   * @throws {BatchError} the kernel did not take some of them; all others were written.
   */
  writeBatch(packets: readonly Uint8Array[], options?: WriteOptions): Promise<void> | undefined {
    if (options !== undefined)
      return writeUntilAborted(() => this.#sink.writeBatch(packets), options)
    return this.#sink.writeBatch(packets)
  }

  /**
   * The same for packets that lie in one buffer: packet n from `offsets[n]` to `offsets[n + 1]`.
   *
   * @throws {BatchError} the kernel did not take some of them; all others were written.
   */
  writePacked(batch: PackedBatch, options?: WriteOptions): Promise<void> | undefined {
    if (options !== undefined)
      return writeUntilAborted(() => this.#sink.writePacked(batch), options)
    return this.#sink.writePacked(batch)
  }

  /**
   * Writes a super-packet, or a packet whose checksum the kernel is to put in, with the header that says so; fields
   * that are absent are 0. It takes a device with a vnet header, as it is by default.
   *
   * @throws {TunError} as `write()`; `ERR_TUN_UNSUPPORTED` without a vnet header.
   *
   * @example
   * for await (const packet of one.packets({ superpackets: true })) await other.writeSuperPacket(packet)
   */
  writeSuperPacket(
    packet: { data: Uint8Array; header: Partial<VnetHeader> },
    options?: WriteOptions,
  ): Promise<void> | undefined {
    const given = packet as unknown
    if (typeof given !== 'object' || given === null)
      throw invalidArgument('packet', given, 'an object with data and header')
    const write = () => this.#sink.writeSuperPacket(packet.data, packet.header)
    return options === undefined ? write() : writeUntilAborted(write, options)
  }

  /**
   * The packets as a Web stream, the same one until it has ended; then it is another.
   *
   * It takes part as a loop does: it reads once somebody reads from it, and holds the device until it is cancelled.
   */
  get readable(): ReadableStream<Uint8Array> {
    return this.#streams.readable
  }

  /**
   * A Web stream whose packets are written to the device, the same one until it has ended; then it is another.
   *
   * It ends with the error of a packet that the kernel does not take. Closing it does not close the device.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#streams.writable
  }

  /**
   * A new pair of Web streams, with options.
   *
   * @throws {TunError} an option is refused.
   */
  streams(options: StreamOptions = {}): PacketStreams {
    return this.#streams.streams(options)
  }

  /**
   * The device as a new stream of Node in object mode, whose objects are packets. Destroying it does not close the
   * device.
   *
   * @throws {TunError} an option is refused.
   */
  duplex(options: StreamOptions = {}): Duplex {
    return this.#streams.duplex(options)
  }

  /** Has the process stay alive while somebody waits for a packet; it is so by default. */
  ref(): this {
    this.#readiness.setReferenced(true)
    return this
  }

  /** Lets the process end though somebody waits for a packet. */
  unref(): this {
    this.#readiness.setReferenced(false)
    return this
  }

  /**
   * Closes the device: loops end, who waits to write is refused. With its last queue the interface goes, unless it
   * is persistent. Once is enough, more do no harm.
   */
  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#readiness.close()
      this.#native.close()
      this.#source.finish(undefined)
      this.#sink.close()
      this.#streams.close()
    }
    return Promise.resolve()
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** An open TUN device: its packets are IPv4 and IPv6 packets. */
export class TunDevice extends Device {
  /** IP packets. */
  readonly mode = 'tun'
}

/** An open TAP device: its packets are Ethernet frames. */
export class TapDevice extends Device {
  /** Ethernet frames. */
  readonly mode = 'tap'

  /**
   * Picks the frames that come to the reader by their destination (`TUNSETTXFILTER`); `undefined`: all of them.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: no address, or more single stations than the driver tells apart.
   */
  async setMacFilter(filter: MacFilter | undefined): Promise<void> {
    const checked = filter === undefined ? undefined : checkMacFilter(filter)
    await this.control('set the MAC filter of', (native) => native.setStationFilter(checked))
  }

  /**
   * Drops each frame for whose bytes a classic BPF program answers 0 (`TUNATTACHFILTER`); `undefined`: none any more
   * (`TUNDETACHFILTER`). The program goes with this object, also where the interface stays.
   */
  async setFilter(program: readonly BpfInstruction[] | undefined): Promise<void> {
    const checked = program === undefined ? undefined : checkProgram(program)
    await this.control('set the filter of', (native) => native.setFilter(checked))
  }
}
