import { Duplex } from 'node:stream'
import { BatchError } from '../packets/sink.ts'
import { type CheckedStreamOptions, type StreamedDevice, tellRefused } from './streamOptions.ts'
import { WaitingPackets } from '../packets/waitingPackets.ts'

type Done = (error?: Error | null) => void

/** A device as a Node stream whose objects are packets. It reads from the device once the stream is read. */
export class PacketDuplex extends Duplex {
  readonly #device: StreamedDevice
  readonly #options: CheckedStreamOptions
  readonly #batches: AsyncIterableIterator<Buffer[], undefined>
  readonly #onEnd: (stream: PacketDuplex) => void
  /** Packets that were read but not pushed yet. */
  readonly #waiting: WaitingPackets
  #isReading = false
  #isEnded = false

  constructor(
    device: StreamedDevice,
    options: CheckedStreamOptions,
    onEnd: (stream: PacketDuplex) => void,
  ) {
    const { highWaterMark } = options
    // No packet waits in the stream's own buffer, where transferred memory would not be detected.
    super({ objectMode: true, writableHighWaterMark: highWaterMark, readableHighWaterMark: 0 })
    this.#device = device
    this.#options = options
    this.#onEnd = onEnd
    this.#waiting = new WaitingPackets(device.name)
    this.#batches = device.batches({ maxPackets: highWaterMark })
  }

  /** Ends the stream when the signal is aborted, also if it already is. */
  followSignal(): void {
    const { signal } = this.#options
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Handles the closing of the device: reading ends, and the next write is refused. */
  deviceClosed(): void {
    this.#endReading()
  }

  override _read(): void {
    if (this.#isReading) return
    if (this.#waiting.hasNext) {
      this.#pushAll()
      return
    }
    this.#isReading = true
    void this.#readBatch()
  }

  override _write(packet: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#settle(
      () => this.#device.write(packet),
      (error) => {
        tellRefused(error, packet, this.#options)
      },
      done,
    )
  }

  override _writev(chunks: { chunk: unknown }[], done: Done): void {
    const packets = chunks.map(({ chunk }) => chunk as Uint8Array)
    this.#settle(
      () => this.#device.writeBatch(packets),
      (error) => {
        if (!(error instanceof BatchError)) throw error
        for (const { index, error: cause } of error.refused) {
          const packet = packets[index]
          if (packet) tellRefused(cause, packet, this.#options)
        }
      },
      done,
    )
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#isEnded = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    void this.#batches.return?.()
    this.#onEnd(this)
    done(error)
  }

  async #readBatch(): Promise<void> {
    try {
      const step = await this.#batches.next()
      this.#isReading = false
      if (step.done) {
        this.#endReading()
        return
      }
      this.#waiting.set(step.value)
      this.#pushAll()
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  /** Pushes packets until the stream has enough. Each may reach a listener immediately, which can end the stream. */
  #pushAll(): void {
    try {
      while (!this.#isEnded && !this.destroyed && this.#waiting.hasNext)
        if (!this.push(this.#waiting.take())) return
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  #endReading(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.push(null)
  }

  /** Writes, and calls back once the packet is written or its refusal was reported. */
  #settle(
    write: () => Promise<void> | undefined,
    onRefused: (error: unknown) => void,
    done: Done,
  ): void {
    const refused = (error: unknown) => {
      try {
        onRefused(error)
      } catch (error) {
        done(error as Error)
        return
      }
      done()
    }
    let written
    try {
      written = write()
    } catch (error) {
      refused(error)
      return
    }
    if (written)
      written.then(() => {
        done()
      }, refused)
    else done()
  }

  readonly #onAbort = (): void => {
    this.destroy(this.#options.signal?.reason as Error)
  }
}
