import type { NativeDevice } from '#binding'

/** Watches a queue if the event loop is not libuv's. It waits on the native layer's own reactor with promises. */
export class RuntimeWatcher {
  readonly #native: NativeDevice
  readonly #queue: number
  readonly #onEvents: (events: number) => void
  #wanted = 0
  #isRunning = false
  #isWaiting = false

  constructor(native: NativeDevice, queue: number, onEvents: (events: number) => void) {
    this.#native = native
    this.#queue = queue
    this.#onEvents = onEvents
  }

  /** Reports the given events once; 0 stops the watching. */
  watch(events: number): void {
    this.#wanted = events
    if (this.#isWaiting) this.#native.wake(this.#queue)
    else if (events !== 0 && !this.#isRunning) void this.#run()
  }

  /** Does nothing: a pending promise always keeps the process alive here. */
  setReferenced(): void {
    return undefined
  }

  close(): void {
    this.watch(0)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#wanted !== 0) {
      this.#isWaiting = true
      const events = await this.#native.ready(this.#queue, this.#wanted)
      this.#isWaiting = false
      const told = events < 0 ? events : events & this.#wanted
      if (told === 0) continue
      this.#wanted = told < 0 ? 0 : this.#wanted & ~told
      this.#onEvents(told)
    }
    this.#isRunning = false
  }
}
