import { invalidArgument } from '../errors.ts'

/**
 * Checks a signal by its shape: other libraries, other realms and polyfills have classes of their own.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function abortSignal(what: string, value: unknown): AbortSignal {
  if (isAbortSignal(value)) return value
  throw invalidArgument(what, value, 'an AbortSignal')
}

/** Throws the reason of a signal that was aborted. A signal of another class may not have a method for that. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason
}

/** Calls `abort` with the reason as soon as one of the signals is aborted; returns what ends that. */
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

/** Calls back once when the signal is aborted, at once if it was before. The returned function ends that. */
export function onceAborted(signal: AbortSignal | undefined, callback: () => void): () => void {
  return followSignals([signal], callback)
}

/** Returns a promise that settles as the given one does, or rejects with the reason of an abort before that. */
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

function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null || !('reason' in value)) return false
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  )
}
