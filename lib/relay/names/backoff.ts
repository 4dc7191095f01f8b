/** Pauses between attempts that fail: each is twice as long as the one before, up to a limit. */
export class Backoff {
  readonly #firstSeconds: number
  readonly #maxSeconds: number
  #nextSeconds: number

  constructor(firstSeconds: number, maxSeconds: number) {
    this.#firstSeconds = firstSeconds
    this.#maxSeconds = maxSeconds
    this.#nextSeconds = firstSeconds
  }

  /** Returns the pause after a further failure, seconds. */
  next(): number {
    const seconds = this.#nextSeconds
    this.#nextSeconds = Math.min(seconds * 2, this.#maxSeconds)
    return seconds
  }

  /** Starts again with the first pause. */
  reset(): void {
    this.#nextSeconds = this.#firstSeconds
  }
}
