import type { NativeDevice } from '#binding'
import { readProperty } from '../../check/fields.ts'
import { invalidArgument } from '../../errors.ts'
import { type WriteOptions, writeUntilAborted } from '../abort.ts'
import { DeviceControl } from '../control.ts'
import type { PacketSink } from './sink.ts'
import type { PackedBatch } from './source.ts'
import type { VnetHeader } from './vnet.ts'
import type { Watching } from '../watching/watching.ts'

/** The result of every write that the device accepts immediately: one shared promise. */
const WRITTEN: Promise<void> = Promise.resolve()

/** A device to which packets can be written. */
export abstract class WritableDevice extends DeviceControl {
  readonly #sink: PacketSink

  /** @internal */
  constructor(native: NativeDevice, watching: Watching, sink: PacketSink) {
    super(native, watching)
    this.#sink = sink
  }

  /**
   * Writes a packet, and waits for room if the device has none. While the promise is pending, the packet must not
   * be changed. Errors always reject: an unhandled rejection ends the process, as usual.
   *
   * @throws {TunError} the kernel refused the packet: `ERR_TUN_PACKET_REFUSED`, `ERR_TUN_INTERFACE_DOWN`,
   *   `ERR_TUN_DEVICE_DELETED`; or `ERR_TUN_CLOSED`, `ERR_TUN_INVALID_ARGUMENT`.
   *
   * @example
   * socket.on('message', (packet) => tun.write(packet).catch((error) => console.error(error.message)))
   */
  write(packet: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.#write(() => this.#sink.write(packet), options)
  }

  /**
   * Writes a packet if the device accepts it immediately, with the least overhead. Returns whether it was written.
   * If not, the device has no room, the kernel refused the packet, or the device is closed. `write()` waits for
   * room, or rejects with the reason.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: not a packet.
   *
   * @example
   * socket.on('message', (packet) => { if (!tun.tryWrite(packet)) dropped++ })
   */
  tryWrite(packet: Uint8Array): boolean {
    return this.#sink.tryWrite(packet)
  }

  /**
   * Writes packets, and waits for room if the device has none. The packets of a flow stay in order, and are
   * coalesced if the device supports it.
   *
   * @throws {BatchError} the kernel refused some of them; all others were written.
   */
  writeBatch(packets: readonly Uint8Array[], options?: WriteOptions): Promise<void> {
    return this.#write(() => this.#sink.writeBatch(packets), options)
  }

  /**
   * Writes those packets that the device accepts immediately, and drops the others, which `stats()` counts as
   * refused. Returns whether all were written.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: not a batch.
   */
  tryWriteBatch(packets: readonly Uint8Array[]): boolean {
    return this.#sink.tryWriteBatch(packets)
  }

  /**
   * Writes packets that lie in one buffer as `writeBatch()` does: packet n from `offsets[n]` to `offsets[n + 1]`.
   *
   * @throws {BatchError} the kernel refused some of them; all others were written.
   */
  writePacked(batch: PackedBatch, options?: WriteOptions): Promise<void> {
    return this.#write(() => this.#sink.writePacked(batch), options)
  }

  /**
   * Writes packets that lie in one buffer as `tryWriteBatch()` does.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: not a packed batch.
   */
  tryWritePacked(batch: PackedBatch): boolean {
    return this.#sink.tryWritePacked(batch)
  }

  /**
   * Writes a super-packet, or a packet whose checksum the kernel must fill in, with the header that describes it.
   * Omitted fields of the header are 0. Needs a device with a vnet header, which is the default.
   *
   * @throws {TunError} as `write()`; `ERR_TUN_UNSUPPORTED` without a vnet header.
   *
   * @example
   * for await (const packet of one.packets({ superpackets: true })) await other.writeSuperPacket(packet)
   */
  writeSuperPacket(
    packet: { data: Uint8Array; header: Partial<VnetHeader> },
    options?: WriteOptions,
  ): Promise<void> {
    return this.#write(() => {
      const given = packet as unknown
      if (typeof given !== 'object' || given === null)
        throw invalidArgument('packet', given, 'an object with data and header')
      const data = readProperty(given, 'data') as Uint8Array
      return this.#sink.writeSuperPacket(data, readProperty(given, 'header') as VnetHeader)
    }, options)
  }

  /** Returns errors as rejections. An `async` function would create a promise for each packet. */
  #write(write: () => Promise<void> | undefined, options?: WriteOptions): Promise<void> {
    try {
      return (options === undefined ? write() : writeUntilAborted(write, options)) ?? WRITTEN
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an abort's reason can be anything
      return Promise.reject(error)
    }
  }
}
