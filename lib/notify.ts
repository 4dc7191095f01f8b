import { fromNative } from './errors.ts'
import { loadNative } from './native/native.ts'

/**
 * Tells the service manager of a change of state: `READY=1`, `STOPPING=1`, `STATUS=…`,
 * several of them a line each (sd_notify(3)).
 *
 * @returns whether there is a manager to tell: `NOTIFY_SOCKET` is set.
 * @throws {TunError} when there is one and the datagram could not be sent.
 */
export async function sdNotify(state: string): Promise<boolean> {
  if (!process.env['NOTIFY_SOCKET']) return false
  const native = await loadNative()
  try {
    return native.sdNotify(state)
  } catch (error) {
    throw fromNative(error)
  }
}
