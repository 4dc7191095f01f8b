import { invalidArgument } from '../errors.ts'

/** The properties that every signal has, independent of its class. */
type Shape = Pick<AbortSignal, 'aborted' | 'addEventListener'> & Partial<AbortSignal>

/** The replacement for each signal of an incomplete class. Each such signal gets only one listener. */
const complete = new WeakMap<Shape, AbortSignal>()

/**
 * Checks a signal by its shape, `aborted` and `addEventListener`, because other realms and polyfills have their own
 * classes. Older polyfills lack `reason`; for such a signal this returns one of this realm that is aborted with it.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function abortSignal(what: string, value: unknown): AbortSignal {
  try {
    if (isSignal(value)) return isComplete(value) ? value : completed(value)
  } catch (cause) {
    // A getter or a Proxy threw.
    throw invalidArgument(what, value, 'an AbortSignal', { cause })
  }
  throw invalidArgument(what, value, 'an AbortSignal')
}

function isSignal(value: unknown): value is Shape {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener } = value as Partial<AbortSignal>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
}

function isComplete(signal: Shape): signal is AbortSignal {
  return 'reason' in signal && typeof signal.removeEventListener === 'function'
}

function completed(signal: Shape): AbortSignal {
  const known = complete.get(signal)
  if (known) return known
  const controller = new AbortController()
  // If there is no reason, the usual AbortError is used.
  const abort = () => {
    controller.abort(signal.reason)
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  complete.set(signal, controller.signal)
  return controller.signal
}

/** Throws the reason of an aborted signal. A signal of another class may not have a method for that. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason
}

/** Calls `abort` with the reason as soon as one of the signals is aborted. The returned function stops this. */
export function followSignals(
  signals: readonly (AbortSignal | undefined)[],
  abort: (reason: unknown) => void,
): () => void {
  const followed = signals
    .filter((signal) => signal !== undefined)
    .map((signal) => {
      const onAbort = () => {
        abort(signal.reason)
      }
      return { signal, onAbort }
    })
  for (const { signal, onAbort } of followed) {
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  }
  return () => {
    for (const { signal, onAbort } of followed) signal.removeEventListener('abort', onAbort)
  }
}

/** Calls back once when the signal is aborted, immediately if it already is. The returned function stops this. */
export function onceAborted(signal: AbortSignal | undefined, callback: () => void): () => void {
  return followSignals([signal], callback)
}

/** Returns a promise that settles as the original one does, or rejects with the reason of an abort before that. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const release = onceAborted(signal, () => {
      // The reason can be any value, and the caller gets it as it is.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      reject(signal.reason)
    })
    promise.finally(release).then(resolve, reject)
  })
}
