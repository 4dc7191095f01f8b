import type { Duplex } from 'node:stream'
import { PacketDuplex } from './duplex.ts'
import { type StreamOptions, type StreamedDevice, checkStreamOptions } from './streamOptions.ts'
import { PacketReadable, PacketWritable } from './webStreams.ts'

/** A stream to read packets from, and one to write them to. */
export interface PacketStreams {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

/** A stream that ends with its device at the latest. */
interface OpenStream {
  deviceClosed(): void
  followSignal(): void
}

/** The streams of a device. */
export class DeviceStreams {
  readonly #device: StreamedDevice
  /** Streams that have not ended. */
  readonly #open = new Set<OpenStream>()
  #readable: PacketReadable | undefined
  #writable: PacketWritable | undefined

  constructor(device: StreamedDevice) {
    this.#device = device
  }

  /** The same stream until it has ended, then a new one. */
  get readable(): ReadableStream<Uint8Array> {
    if (!this.#readable || this.#readable.isEnded) this.#readable = this.#newReadable({})
    return this.#readable.stream
  }

  /** The same stream until it has ended, then a new one. */
  get writable(): WritableStream<Uint8Array> {
    if (!this.#writable || this.#writable.isEnded) this.#writable = this.#newWritable({})
    return this.#writable.stream
  }

  streams(options: StreamOptions): PacketStreams {
    return {
      readable: this.#newReadable(options).stream,
      writable: this.#newWritable(options).stream,
    }
  }

  duplex(options: StreamOptions): Duplex {
    const checked = checkStreamOptions(options, this.#device.highWaterMark)
    return this.#keep(new PacketDuplex(this.#device, checked, this.#forget))
  }

  /** Ends the streams after the device was closed. */
  close(): void {
    for (const stream of this.#open) stream.deviceClosed()
  }

  #newReadable(options: StreamOptions): PacketReadable {
    const checked = checkStreamOptions(options, this.#device.highWaterMark)
    return this.#keep(new PacketReadable(this.#device, checked, this.#forget))
  }

  #newWritable(options: StreamOptions): PacketWritable {
    const checked = checkStreamOptions(options, this.#device.highWaterMark)
    return this.#keep(new PacketWritable(this.#device, checked, this.#forget))
  }

  #keep<S extends OpenStream>(stream: S): S {
    this.#open.add(stream)
    stream.followSignal()
    return stream
  }

  readonly #forget = (stream: OpenStream): void => {
    this.#open.delete(stream)
  }
}
