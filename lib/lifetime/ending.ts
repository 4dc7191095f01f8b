/** The end of an object that is closed by a call or by a signal. */
export class Ending {
  /** Resolves once everything is released. */
  readonly closed: Promise<void>
  #resolve: () => void = () => undefined
  #isClosed = false

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** Whether the closing has begun. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Begins the closing; returns whether this is the first call. */
  begin(): boolean {
    const isFirst = !this.#isClosed
    this.#isClosed = true
    return isFirst
  }

  /** Resolves `closed`. */
  settle(): void {
    this.#resolve()
  }
}
