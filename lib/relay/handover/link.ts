import type { NativeConnection, NativeMessage } from '#binding'
import { awaited, rethrown } from '../../errors.ts'
import { loadNative, loadNativeNow } from '../../native/native.ts'
import { type QueueDescriptors, numbersOf } from './descriptors.ts'

/** A line that was received, with its descriptors. */
export type Line = NativeMessage

/** A connection that passes lines of text with descriptors. For the program only. */
export class Link {
  readonly #native: NativeConnection

  private constructor(native: NativeConnection) {
    this.#native = native
  }

  /**
   * Connects to a Unix socket.
   *
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if no process listens there.
   */
  static async connect(path: string): Promise<Link> {
    const native = await loadNative()
    return rethrown(() => new Link(native.connectUnix(path)))
  }

  /** Uses a connected socket, whose descriptor it closes. */
  static of(descriptor: number): Link {
    try {
      return rethrown(() => new Link(loadNativeNow().duplicateConnection(descriptor)))
    } finally {
      closeDescriptors([descriptor])
    }
  }

  /** Sends a line, with duplicates of descriptors. */
  async send(text: string, descriptors: readonly number[], millis: number): Promise<void> {
    await awaited(this.#native.send(text, [...descriptors], millis))
  }

  /** Receives a line. Resolves to null if the other end is closed. The caller closes its descriptors. */
  async receive(millis: number): Promise<Line | null> {
    return awaited(this.#native.receive(millis))
  }

  /** Closes the connection. A pending {@link receive} resolves to null. */
  close(): void {
    this.#native.close()
  }
}

/** Closes the descriptors of queues that the caller owns. */
export function closeQueues(queues: readonly QueueDescriptors[]): void {
  closeDescriptors(numbersOf(queues))
}

/** Closes descriptors that the caller owns. */
export function closeDescriptors(descriptors: readonly number[]): void {
  rethrown(() => {
    loadNativeNow().closeDescriptors([...descriptors])
  })
}
