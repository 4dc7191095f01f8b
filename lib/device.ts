import type { NativeDevice } from '#binding'
import { DeviceControl } from './device/control.ts'
import { SourceIterator } from './device/iterator.ts'
import { PacketSink } from './device/sink.ts'
import { type PackedBatch, PacketSource } from './device/source.ts'
import type { SuperPacket, VnetHeader } from './device/vnet.ts'
import { type Watching, watch } from './device/watching.ts'
import { fromNative, invalidArgument } from './errors.ts'
import { loadNative } from './native.ts'
import { checkFlag, checkSignal, checkWhole } from './options/check.ts'
import { type TapOptions, type TunOptions, checkDeviceOptions } from './options/device.ts'
import {
  type BpfInstruction,
  type MacFilter,
  checkMacFilter,
  checkProgram,
} from './options/filter.ts'

/** How packets are read. */
export interface ReadOptions {
  /**
   * Packets lie in memory that is used again: one is valid until the next is asked for, or the next batch.
   * Default: no, and a packet is yours for good.
   */
  reuse?: boolean | undefined
  /** Aborted, reading rejects with the signal's reason, and the device is free for another loop. */
  signal?: AbortSignal | undefined
}

/** How batches of packets are read. */
export interface BatchOptions extends ReadOptions {
  /** Packets of a batch, at most. Default and limit: the device's `highWaterMark`. */
  maxPackets?: number | undefined
}

/** Packets as the kernel hands them over: super-packets whole. */
export interface Whole {
  /**
   * Super-packets are not cut, and checksums that the kernel left out not put in: each packet comes with the header
   * that says so.
   */
  superpackets: true
}

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
    this.#source = new PacketSource(native, this.#readiness, highWaterMark)
    this.#sink = new PacketSink(native, this.#readiness)
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
    const taking = this.#checkBatches(options)
    const take = taking.superpackets
      ? () => source.takeSuperBatch(taking.maxPackets)
      : () => source.takeBatch(taking.maxPackets)
    return new SourceIterator<Buffer[] | SuperPacket[]>(source, { ...taking, take })
  }

  /** The packets in batches that lie end to end in one buffer: the least work a packet. */
  packedBatches(options: BatchOptions = {}): AsyncIterableIterator<PackedBatch, undefined> {
    const source = this.#source
    const taking = { ...this.#checkBatches(options), superpackets: false }
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
    const packets = this.packets(options)
    try {
      return (await packets.next()).value
    } finally {
      void packets.return?.()
    }
  }

  /**
   * Writes a packet at once. Only if the device has no room, a promise is given, and the packet must not be
   * changed until it is settled; `await tun.write(packet)` is right in both cases.
   *
   * @throws {TunError} the kernel did not take the packet: `ERR_TUN_PACKET_REFUSED`, `ERR_TUN_INTERFACE_DOWN`,
   * `ERR_TUN_DEVICE_DELETED`.
   */
  write(packet: Uint8Array): Promise<void> | undefined {
    return this.#sink.write(packet)
  }

  /**
   * Writes packets in order, those of a flow joined where the device takes that. Only if the device has no room,
   * a promise is given.
   *
   * @throws {BatchError} the kernel did not take some of them; all others were written.
   */
  writeBatch(packets: readonly Uint8Array[]): Promise<void> | undefined {
    return this.#sink.writeBatch(packets)
  }

  /**
   * The same for packets that lie in one buffer: packet n from `offsets[n]` to `offsets[n + 1]`.
   *
   * @throws {BatchError} the kernel did not take some of them; all others were written.
   */
  writePacked(batch: PackedBatch): Promise<void> | undefined {
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
  writeSuperPacket(packet: {
    data: Uint8Array
    header: Partial<VnetHeader>
  }): Promise<void> | undefined {
    const given = packet as unknown
    if (typeof given !== 'object' || given === null)
      throw invalidArgument('packet', given, 'an object with data and header')
    return this.#sink.writeSuperPacket(packet.data, packet.header)
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
    }
    return Promise.resolve()
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #checkBatches(options: BatchOptions & Partial<Whole>) {
    const { maxPackets = this.highWaterMark } = options
    return {
      ...checkReading(options),
      maxPackets: checkWhole('maxPackets', maxPackets, 1, this.highWaterMark),
    }
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

/**
 * Opens a TUN device, and configures its interface.
 *
 * Needs CAP_NET_ADMIN in the namespace of the interface, or a persistent device that belongs to the user.
 * Whatever makes it fail, nothing is left behind.
 *
 * @throws {TunError} an option is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 *
 * @example
 * await using tun = await openTun({ name: 'vpn%d', addresses: ['10.0.0.1/24'] })
 * for await (const packet of tun) console.log(packet.length)
 */
export async function openTun(options: TunOptions = {}): Promise<TunDevice> {
  const { native, highWaterMark } = await open(options, false)
  return new TunDevice(native, highWaterMark)
}

/**
 * Opens a TAP device, and configures its interface; the same as {@link openTun} for Ethernet frames.
 *
 * @throws {TunError} an option is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 */
export async function openTap(options: TapOptions = {}): Promise<TapDevice> {
  const { native, highWaterMark } = await open(options, true)
  return new TapDevice(native, highWaterMark)
}

async function open(options: TapOptions, isTap: boolean) {
  const { native: checked, highWaterMark } = checkDeviceOptions(options, isTap)
  const { signal } = options
  signal?.throwIfAborted()
  const { openDevice } = await loadNative()
  let native
  try {
    native = await openDevice(checked)
  } catch (error) {
    signal?.throwIfAborted()
    throw fromNative(error)
  }
  if (signal?.aborted) {
    // An opening cannot be broken off half-way: so that nothing stays behind, it is completed and undone.
    native.close()
    throw signal.reason
  }
  return { native, highWaterMark }
}

function checkReading(options: ReadOptions & Partial<Whole>) {
  checkSignal(options.signal)
  return {
    reuse: checkFlag('reuse', options.reuse, false),
    superpackets: checkFlag('superpackets', options.superpackets, false),
    signal: options.signal,
  }
}
