/** A queue of asynchronous work, which runs one after the other. */
export class InOrder {
  #last: Promise<unknown> = Promise.resolve()

  /**
   * Runs work once all work of earlier calls has settled. Returns its result. A failure does not stop the work of later
   * calls.
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }
}
