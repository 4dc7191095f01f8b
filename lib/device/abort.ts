import { abortSignal, throwIfAborted } from '../check/abort.ts'
import { checkFields } from '../check/fields.ts'

/** How packets are written. */
export interface WriteOptions {
  /**
   * Aborted while the device has no room, writing rejects with the signal's reason; what waited for room may still be
   * written.
   */
  signal?: AbortSignal | undefined
}

const WRITE = { signal: abortSignal }

/**
 * Writes unless the signal is aborted, and waits for room no longer than until then.
 *
 * @throws the signal's reason.
 */
export function writeUntilAborted(
  write: () => Promise<void> | undefined,
  options: WriteOptions,
): Promise<void> | undefined {
  const { signal } = checkFields('options', options, WRITE)
  throwIfAborted(signal)
  const written = write()
  return written && signal ? untilAborted(written, signal) : written
}

function untilAborted(written: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      // Whatever was given as the reason is what the caller gets.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    written
      .finally(() => {
        signal.removeEventListener('abort', onAbort)
      })
      .then(resolve, reject)
  })
}
