import { closedError } from '../packets/sink.ts'
import { type CheckedStreamOptions, type StreamedDevice, tellRefused } from './streamOptions.ts'
import { WaitingPackets } from '../packets/waitingPackets.ts'

/** A stream that was opened: it ends with the device, or before. */
export abstract class OpenStream {
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: (stream: OpenStream) => void
  #isEnded = false

  constructor(signal: AbortSignal | undefined, onEnd: (stream: OpenStream) => void) {
    this.#signal = signal
    this.#onEnd = onEnd
  }

  /** Whether it can pass no packet any more. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The device was closed. */
  abstract deviceClosed(): void

  /** Ends the stream with an error. */
  protected abstract fail(error: unknown): void

  /** Has the stream end when the signal is aborted, also if it is already. */
  followSignal(): void {
    if (this.#signal?.aborted) this.#onAbort()
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Answers whether it is this call that ended it. */
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

/** The packets of a device as a Web stream. It reads from the device once somebody reads from it. */
export class PacketReadable extends OpenStream {
  readonly stream: ReadableStream<Uint8Array>
  readonly #batches: AsyncIterableIterator<Buffer[], undefined>
  /** What was read and nobody has asked the stream for yet. */
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
      // The stream asks only when somebody waits, and is given one packet.
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

/** A device as a Web stream that packets are written to. */
export class PacketWritable extends OpenStream {
  readonly stream: WritableStream<Uint8Array>
  readonly #device: StreamedDevice
  readonly #options: CheckedStreamOptions
  #controller!: WritableStreamDefaultController
  /** Ends the wait for a packet that the device has no room for. */
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

  /** Waits until the packet is written, or nobody wants to know any more. */
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

/** Aborted at once, while the sink's own `abort()` is called only after the packet that is being written. */
function abortSignalOf(controller: WritableStreamDefaultController): AbortSignal {
  // @types/node has no word of it.
  return (controller as unknown as { readonly signal: AbortSignal }).signal
}
