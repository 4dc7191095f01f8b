import type { NativeDevice } from '#binding'
import { Readiness, type Watching } from './readiness.ts'

export type { Watching }

/** Starts watching a device. */
export function watch(device: NativeDevice): Watching {
  const { queues } = device.info
  if (queues === 1) return new Readiness(device, 0)
  return new QueuesWatching(Array.from({ length: queues }, (_, n) => new Readiness(device, n)))
}

/** Watches several queues as one. */
class QueuesWatching implements Watching {
  onReadable: () => void = () => undefined
  readonly #queues: readonly Readiness[]

  constructor(queues: readonly Readiness[]) {
    this.#queues = queues
    for (const queue of queues) {
      queue.onReadable = () => {
        // A queue reported an event. The next reader decides whether the others are still watched.
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
