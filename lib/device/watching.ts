import type { NativeDevice } from '#binding'
import { Readiness } from './readiness.ts'

/** Watches the queues of a device, as {@link Readiness} watches one. */
export interface Watching {
  /** Called once a queue can be read, or its watching broke. */
  onReadable: () => void
  /** Whether `onReadable` is wanted, once. */
  setReading(isReading: boolean): void
  /** Calls back once, when that queue can be written. */
  onceWritable(callback: () => void, queue: number): void
  /** A queue that is not attached has nothing to say but errors, and is left alone. */
  setAttached(queue: number, isAttached: boolean): void
  setReferenced(isReferenced: boolean): void
  close(): void
}

/** Begins to watch a device. */
export function watch(device: NativeDevice): Watching {
  const { queues } = device.info
  if (queues === 1) return new Readiness(device, 0)
  return new QueuesWatching(Array.from({ length: queues }, (_, n) => new Readiness(device, n)))
}

/** Several queues as one. */
class QueuesWatching implements Watching {
  onReadable: () => void = () => undefined
  readonly #queues: readonly Readiness[]

  constructor(queues: readonly Readiness[]) {
    this.#queues = queues
    for (const queue of queues) {
      queue.onReadable = () => {
        // One has told of something: whether the others are to be watched still is for whoever asks next.
        this.setReading(false)
        this.onReadable()
      }
    }
  }

  setReading(isReading: boolean): void {
    for (const queue of this.#queues) queue.setReading(isReading)
  }

  onceWritable(callback: () => void, queue: number): void {
    this.#queues[queue]?.onceWritable(callback)
  }

  setAttached(queue: number, isAttached: boolean): void {
    this.#queues[queue]?.setAttached(0, isAttached)
  }

  setReferenced(isReferenced: boolean): void {
    for (const queue of this.#queues) queue.setReferenced(isReferenced)
  }

  close(): void {
    for (const queue of this.#queues) queue.close()
  }
}
