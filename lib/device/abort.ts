import { abortSignal, throwIfAborted, untilAborted } from '../check/abort.ts'
import { checkFields } from '../check/fields.ts'

/** The options of a write. */
export interface WriteOptions {
  /**
   * If aborted while the device has no room, the promise rejects with the signal's reason; packets that wait for
   * room may still be written.
   */
  signal?: AbortSignal | undefined
}

const WRITE = { signal: abortSignal }

/**
 * Writes unless the signal is aborted. An abort also ends the wait for room.
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
  return written && untilAborted(written, signal)
}
