import { throwIfAborted } from '../../check/abort.ts'
import type { TunError } from '../../errors.ts'
import type { PacketSource, Waiter } from './source.ts'

/** How packets are taken from a source. */
export interface Taking<T> {
  /** The maximum number of packets to take at a time. */
  readonly maxPackets: number
  /** The packets may be overwritten at the next step. */
  readonly reuse: boolean
  /** Super-packets are not split. */
  readonly superpackets: boolean
  readonly signal: AbortSignal | undefined
  readonly take: () => T
}

type Settle<T> = [
  resolve: (result: IteratorResult<T, undefined>) => void,
  reject: (error: unknown) => void,
]

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true }

/**
 * An iterator over the packets of a device. It is not an async generator, which takes three times as long per
 * packet.
 *
 * It only reads when `next()` is called, and releases the device when the loop is left.
 */
export class SourceIterator<T> implements AsyncIterableIterator<T, undefined>, Waiter {
  readonly maxPackets: number
  readonly reuse: boolean
  readonly superpackets: boolean
  readonly #source: PacketSource
  readonly #take: () => T
  readonly #signal: AbortSignal | undefined
  #isStarted = false
  #isDone = false
  /** The pending calls of `next()`, in order. */
  readonly #pending: Settle<T>[] = []

  constructor(source: PacketSource, { maxPackets, reuse, superpackets, signal, take }: Taking<T>) {
    this.#source = source
    this.maxPackets = maxPackets
    this.reuse = reuse
    this.superpackets = superpackets
    this.#signal = signal
    this.#take = take
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (
      this.#isStarted &&
      this.#source.available > 0 &&
      this.#pending.length === 0 &&
      !this.#isDone
    )
      return this.#taken()
    return this.#wait()
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#finish()
    return Promise.resolve(DONE)
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#finish()
    // The error passed in is thrown again, as by a generator.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    return Promise.reject(error)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#finish()
    return Promise.resolve()
  }

  /** @internal */
  ready(): void {
    try {
      while (this.#source.available > 0) {
        const waiting = this.#pending[0]
        if (!waiting) return
        const value = this.#take()
        this.#pending.shift()
        waiting[0]({ value, done: false })
      }
      if (this.#pending.length > 0) this.#source.wait(this)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** @internal */
  ended(error: TunError | undefined): void {
    if (error) this.#fail(error)
    else this.#finish()
  }

  /**
   * Takes packets. A failure ends the loop: it would lock the device forever, because `for await` does not call
   * `return()` after an error from `next()`.
   */
  #taken(): Promise<IteratorResult<T, undefined>> {
    try {
      return Promise.resolve({ value: this.#take(), done: false })
    } catch (error) {
      this.#finish()
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller gets the error
      return Promise.reject(error)
    }
  }

  #wait(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.#isDone) {
        resolve(DONE)
        return
      }
      this.#pending.push([resolve, reject])
      try {
        this.#start()
        if (this.#pending.length > 1) return
        if (this.#source.available > 0) this.ready()
        else if (this.#source.end) this.ended(this.#source.end.error)
        else this.#source.wait(this)
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  #start(): void {
    if (this.#isStarted) return
    throwIfAborted(this.#signal)
    this.#source.lock(this)
    this.#isStarted = true
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  readonly #onAbort = (): void => {
    this.#fail(this.#signal?.reason)
  }

  /** Rejects the first pending call with the error, and ends the others. */
  #fail(error: unknown): void {
    const first = this.#pending.shift()
    this.#finish()
    first?.[1](error)
  }

  #finish(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#source.cancel(this)
    this.#source.unlock(this)
    for (const [resolve] of this.#pending.splice(0)) resolve(DONE)
  }
}
