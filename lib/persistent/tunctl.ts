import type { NativeTunctlFailure, NativeTunctlOutcome, NativeTunctlRequest } from '#binding'
import { fromNative } from '../errors.ts'
import { loadNative } from '../native/native.ts'

/** What {@link runTunctl} does: names are bytes, numbers are what the kernel takes. */
export type TunctlRequest = NativeTunctlRequest

/** What was done, or the step that failed and the system's words for it. */
export type TunctlResult = NativeTunctlOutcome | NativeTunctlFailure

/**
 * The steps of the program `tunctl`, no more and no less; what it leaves behind when one fails stays.
 *
 * For that program alone, which imports this file by itself: it starts and ends within milliseconds, and
 * all the rest of the package would cost it more than its own work. For everybody else there are
 * `createPersistent()` and `removePersistent()`.
 *
 * @throws {TunError} the addon cannot be loaded, or the namespace not be entered.
 */
export async function runTunctl(request: TunctlRequest): Promise<TunctlResult> {
  const native = await loadNative()
  try {
    return native.runTunctl(request)
  } catch (error) {
    throw fromNative(error)
  }
}

/** The number of the user of that name, by getpwnam(3). */
export async function findUser(name: Buffer): Promise<number | undefined> {
  const native = await loadNative()
  return native.findUser(name) ?? undefined
}

/** The number of the group of that name, by getgrnam(3). */
export async function findGroup(name: Buffer): Promise<number | undefined> {
  const native = await loadNative()
  return native.findGroup(name) ?? undefined
}

/** Ends the process by SIGPIPE, as programs end whose reader is gone; Node ignores that signal. */
export async function endByBrokenPipe(): Promise<void> {
  const native = await loadNative()
  native.endByBrokenPipe()
}
