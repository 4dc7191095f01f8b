import { checkOptions, checkSignal } from '../options/check.ts'

/** How packets are written. */
export interface WriteOptions {
  /**
   * Aborted while the device has no room, writing rejects with the signal's reason; what waited for room may still be
   * written.
   */
  signal?: AbortSignal | undefined
}

/**
 * Writes unless the signal is aborted, and waits for room no longer than until then.
 *
 * @throws the signal's reason.
 */
export function writeUntilAborted(
  write: () => Promise<void> | undefined,
  options: WriteOptions,
): Promise<void> | undefined {
  checkOptions('options', options)
  const { signal } = options
  checkSignal(signal)
  signal?.throwIfAborted()
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
