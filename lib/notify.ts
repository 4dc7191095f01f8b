import { fromNative } from './errors.ts'
import { loadNative } from './native/native.ts'

/**
 * Notifies the service manager of a change of state (sd_notify(3)).
 *
 * @param state `READY=1`, `STOPPING=1`, `STATUS=…`, or several of them, one per line.
 * @returns whether there is a service manager, that is whether `NOTIFY_SOCKET` is set.
 * @throws {TunError} if the datagram could not be sent.
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
