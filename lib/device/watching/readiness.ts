import type { NativeDevice } from '#binding'
import { RuntimeWatcher } from './runtimeWatcher.ts'

/** The device can be read, and the device can be written: `UV_READABLE`, `UV_WRITABLE`. */
export const READABLE = 1
export const WRITABLE = 2

/** Watches the queues of a device, as {@link Readiness} watches one. */
export interface Watching {
  /** Called once a queue is readable, or watching it failed. */
  onReadable: () => void
  /** Sets whether to call `onReadable` once. */
  setReading(isReading: boolean): void
  /** Calls back once, when that queue is writable. */
  onceWritable(callback: () => void, queue: number): void
  /** Sets whether a queue is attached. A detached queue only reports errors, so it is not watched. */
  setAttached(queue: number, isAttached: boolean): void
  setReferenced(isReferenced: boolean): void
  close(): void
}

/** Bun and Deno have functions with libuv's names, but they end the process. */
const hasLibuv = !('bun' in process.versions) && !('deno' in process.versions)

/** Watches a queue of a device for the source and the sink of its packets. */
export class Readiness implements Watching {
  readonly #watcher: {
    watch(events: number): void
    setReferenced(is: boolean): void
    close(): void
  }
  #wanted = 0
  #isAttached = true
  #onWritable: (() => void) | undefined
  /** Called once the device is readable, or watching it failed. */
  onReadable: () => void = () => undefined

  constructor(device: NativeDevice, queue: number) {
    const watcher = hasLibuv ? device.watch(queue, this.#onEvents) : null
    this.#watcher = watcher ?? new RuntimeWatcher(device, queue, this.#onEvents)
  }

  /** Sets whether to call `onReadable` once. */
  setReading(isReading: boolean): void {
    this.#want(isReading ? this.#wanted | READABLE : this.#wanted & ~READABLE)
  }

  /** Calls back once, when the device is writable. */
  onceWritable(callback: () => void): void {
    this.#onWritable = callback
    this.#want(this.#wanted | WRITABLE)
  }

  /**
   * Sets whether the queue is attached. The descriptor of a detached queue only reports an error, so it is not
   * watched.
   */
  setAttached(_queue: number, isAttached: boolean): void {
    if (this.#isAttached === isAttached) return
    this.#isAttached = isAttached
    this.#watcher.watch(isAttached ? this.#wanted : 0)
  }

  setReferenced(isReferenced: boolean): void {
    this.#watcher.setReferenced(isReferenced)
  }

  close(): void {
    this.#wanted = 0
    this.#watcher.close()
  }

  #want(events: number): void {
    if (events === this.#wanted) return
    this.#wanted = events
    if (this.#isAttached) this.#watcher.watch(events)
  }

  /** The native layer only holds this function while it watches. */
  readonly #onEvents = (events: number): void => {
    // A descriptor in error is not watched any more: the interface was deleted.
    const isBroken = events < 0
    this.#wanted = isBroken ? 0 : this.#wanted & ~events
    if (isBroken || (events & WRITABLE) !== 0) {
      const callback = this.#onWritable
      this.#onWritable = undefined
      callback?.()
    }
    if (isBroken || (events & READABLE) !== 0) this.onReadable()
  }
}
