import { closedError } from '../packets/sink.ts'
import { type CheckedStreamOptions, type StreamedDevice, tellRefused } from './streamOptions.ts'
import { WaitingPackets } from '../packets/waitingPackets.ts'

/** An open stream. It ends with the device at the latest. */
export abstract class OpenStream {
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: (stream: OpenStream) => void
  #isEnded = false

  constructor(signal: AbortSignal | undefined, onEnd: (stream: OpenStream) => void) {
    this.#signal = signal
    this.#onEnd = onEnd
  }

  /** Whether the stream can no longer pass packets. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Handles the closing of the device. */
  abstract deviceClosed(): void

  /** Ends the stream with an error. */
  protected abstract fail(error: unknown): void

  /** Ends the stream when the signal is aborted, also if it already is. */
  followSignal(): void {
    if (this.#signal?.aborted) this.#onAbort()
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Ends the stream; returns whether this is the first call. */
  protected end(): boolean {
    if (this.#isEnded) return false
    this.#isEnded = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onEnd(this)
    return true
  }

  readonly #onAbort = (): void => {
    this.fail(this.#signal?.reason)
  }
}

/** The packets of a device as a Web stream. It reads from the device once the stream is read. */
export class PacketReadable extends OpenStream {
  readonly stream: ReadableStream<Uint8Array>
  readonly #batches: AsyncIterableIterator<Buffer[], undefined>
  /** Packets that were read but not requested from the stream yet. */
  readonly #waiting: WaitingPackets
  #controller!: ReadableStreamDefaultController<Uint8Array>

  constructor(
    device: StreamedDevice,
    { highWaterMark, signal }: CheckedStreamOptions,
    onEnd: (stream: OpenStream) => void,
  ) {
    super(signal, onEnd)
    this.#batches = device.batches({ maxPackets: highWaterMark })
    this.#waiting = new WaitingPackets(device.name)
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#pull(),
        cancel: () => {
          this.#finish()
        },
      },
      // The stream only pulls when a reader waits, and gets one packet.
      { highWaterMark: 0 },
    )
  }

  deviceClosed(): void {
    if (this.#finish()) this.#controller.close()
  }

  protected fail(error: unknown): void {
    if (this.#finish()) this.#controller.error(error)
  }

  #pull(): Promise<void> | undefined {
    if (!this.#waiting.hasNext) return this.#readBatch()
    this.#enqueue()
    return undefined
  }

  async #readBatch(): Promise<void> {
    try {
      const step = await this.#batches.next()
      if (this.isEnded) return
      if (step.done) {
        this.deviceClosed()
        return
      }
      this.#waiting.set(step.value)
    } catch (error) {
      this.fail(error)
      return
    }
    this.#enqueue()
  }

  #enqueue(): void {
    try {
      this.#controller.enqueue(this.#waiting.take())
    } catch (error) {
      this.fail(error)
    }
  }

  #finish(): boolean {
    void this.#batches.return?.()
    return this.end()
  }
}

/** A Web stream whose packets are written to a device. */
export class PacketWritable extends OpenStream {
  readonly stream: WritableStream<Uint8Array>
  readonly #device: StreamedDevice
  readonly #options: CheckedStreamOptions
  #controller!: WritableStreamDefaultController
  /** Ends the wait for room in the device. */
  #release: (() => void) | undefined

  constructor(
    device: StreamedDevice,
    options: CheckedStreamOptions,
    onEnd: (stream: OpenStream) => void,
  ) {
    super(options.signal, onEnd)
    this.#device = device
    this.#options = options
    this.stream = new WritableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
          abortSignalOf(controller).addEventListener('abort', () => {
            this.#finish()
          })
        },
        write: (packet) => this.#write(packet),
        close: () => {
          this.#finish()
        },
      },
      { highWaterMark: options.highWaterMark },
    )
  }

  deviceClosed(): void {
    this.fail(closedError('write a packet to', this.#device.name))
  }

  protected fail(error: unknown): void {
    if (this.#finish()) this.#controller.error(error)
  }

  #write(packet: Uint8Array): Promise<void> | undefined {
    try {
      const written = this.#device.write(packet)
      return written && this.#wait(written, packet)
    } catch (error) {
      this.#refused(error, packet)
      return undefined
    }
  }

  /** Waits until the packet is written, or the wait is cancelled. */
  #wait(written: Promise<void>, packet: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#release = resolve
      written
        .catch((error: unknown) => {
          this.#refused(error, packet)
        })
        .then(resolve, reject)
    })
  }

  #refused(error: unknown, packet: Uint8Array): void {
    try {
      tellRefused(error, packet, this.#options)
    } catch (error) {
      this.#finish()
      throw error
    }
  }

  #finish(): boolean {
    this.#release?.()
    return this.end()
  }
}

/**
 * Returns the controller's signal. It is aborted immediately, while the sink's own `abort()` is only called after
 * the current packet is written.
 */
function abortSignalOf(controller: WritableStreamDefaultController): AbortSignal {
  // Not declared in @types/node.
  return (controller as unknown as { readonly signal: AbortSignal }).signal
}
