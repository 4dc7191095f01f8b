/** Disposes of several objects, the last one first, like `AsyncDisposableStack`, which Node has since version 24. */
export class Held implements AsyncDisposable {
  #parts: AsyncDisposable[] = []

  /** Takes a thing in, and gives it back. */
  use<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part)
    return part
  }

  /** Hands everything over to another. */
  move(): Held {
    const other = new Held()
    other.#parts = this.#parts.splice(0)
    return other
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part[Symbol.asyncDispose]()
  }
}
