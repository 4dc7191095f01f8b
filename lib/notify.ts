import { integer, text } from './check/fields.ts'
import { checkList } from './check/list.ts'
import { fromNative } from './errors.ts'
import { InOrder } from './lifetime/inOrder.ts'
import { loadNative } from './native/native.ts'

/** A datagram of a Unix socket can be longer than any state that systemd reads. */
const STATE = text(1, 65_536)

/** The maximum of one message, `SCM_MAX_FD` of unix(7). */
const DESCRIPTORS_MAX = 253
const DESCRIPTOR = integer(0, 2_147_483_647)

/** The notifications. Each is sent by a task of its own, so it waits for the earlier ones. */
const notifications = new InOrder()

/**
 * Notifies the service manager of a change of state (sd_notify(3)).
 *
 * Notifications are sent in the order of the calls.
 *
 * @param state `READY=1`, `STOPPING=1`, `STATUS=…`, or several of them, one per line.
 * @param descriptors descriptors that the service manager gets duplicates of, at most 253. With `FDSTORE=1` it keeps them
 *   for the next start of the service.
 * @returns whether there is a service manager, that is whether `NOTIFY_SOCKET` is set.
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` for a state that is not text, or if the datagram could not be sent,
 *   for example because the queue of the service manager was full for 5 seconds.
 */
export async function sdNotify(
  state: string,
  descriptors: readonly number[] = [],
): Promise<boolean> {
  const checked = STATE('state', state)
  const all = checkList('descriptors', descriptors, 'a list of descriptors', DESCRIPTORS_MAX)
  const numbers = all.map((one, index) => DESCRIPTOR(`descriptors[${index}]`, one))
  if (!process.env['NOTIFY_SOCKET']) return false
  return notifications.run(async () => send(checked, numbers))
}

async function send(state: string, descriptors: number[]): Promise<boolean> {
  const native = await loadNative()
  try {
    return await native.sdNotify(state, descriptors)
  } catch (error) {
    throw fromNative(error)
  }
}
