import type { NativeNetlink } from '#binding'
import { TunError, type TunErrorDetails, fromNative } from '../errors.ts'

/** One request to the native layer; `op` names it (crate/core/src/netlink/session/operation.rs). */
export interface Operation {
  readonly op: string
  readonly [argument: string]: unknown
}

/** The native layer's result of each request. */
type Outcome = 'done' | { object: unknown } | { error: TunErrorDetails & { message: string } }

/** Requests per call of the native layer: enough to make the call cheap, few enough to keep the event loop free. */
const BATCH_MAX = 512

/** The maximum number of objects of one `addMany` call. */
export const MANY_MAX = 1_048_576

interface Waiting {
  operation: Operation
  resolve: (object: unknown) => void
  reject: (error: unknown) => void
}

/**
 * Sends requests in the order in which they were made. Requests made during a call of the native layer go together
 * in the next one: many concurrent requests cost one call, and a single one does not wait.
 */
export class Pipeline {
  readonly #native: NativeNetlink
  #waiting: Waiting[] = []
  #isRunning = false

  constructor(native: NativeNetlink) {
    this.#native = native
  }

  /** Sends a request; resolves with its object, if it has one. */
  async submit(operation: Operation): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, resolve, reject })
      if (this.#isRunning) return
      this.#isRunning = true
      // Requests made in the same tick join this batch.
      queueMicrotask(() => void this.#drain())
    })
  }

  /** Sends many requests in their order; rejects with the first error once all have a result. */
  async submitAll(operations: readonly Operation[]): Promise<void> {
    const results = await Promise.allSettled(operations.map((operation) => this.submit(operation)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH_MAX)
      this.#waiting = this.#waiting.slice(BATCH_MAX)
      await this.#run(batch)
    }
    this.#isRunning = false
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      const request = JSON.stringify(batch.map(({ operation }) => operation))
      const outcomes = JSON.parse(await this.#native.run(request)) as Outcome[]
      for (const [index, waiting] of batch.entries()) settle(waiting, outcomes[index])
    } catch (error) {
      for (const { reject } of batch) reject(fromNative(error))
    }
  }
}

function settle({ resolve, reject }: Waiting, outcome: Outcome | undefined): void {
  if (outcome === undefined) reject(fromNative(new Error('an answer is missing')))
  else if (outcome === 'done') resolve(undefined)
  else if ('error' in outcome) reject(new TunError(outcome.error.message, outcome.error))
  else resolve(outcome.object)
}
