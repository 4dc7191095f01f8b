import type { NativeTunctlFailure, NativeTunctlOutcome, NativeTunctlRequest } from '#binding'
import { fromNative } from '../errors.ts'
import { loadNative } from '../native/native.ts'

/** A request to {@link runTunctl}. Names are bytes, and numbers are passed to the kernel unchanged. */
export type TunctlRequest = NativeTunctlRequest

/** The result, or the failed step and the system's error message. */
export type TunctlResult = NativeTunctlOutcome | NativeTunctlFailure

/**
 * Runs exactly the steps of the program `tunctl`. If one fails, the changes before it stay in place.
 *
 * Only for that program, which imports this file on its own: it starts and ends within milliseconds, and loading
 * the rest of the package would take longer than its own work. All other callers use `createPersistent()` and
 * `removePersistent()`.
 *
 * @throws {TunError} the addon cannot be loaded, or the namespace cannot be entered.
 */
export async function runTunctl(request: TunctlRequest): Promise<TunctlResult> {
  const native = await loadNative()
  try {
    return native.runTunctl(request)
  } catch (error) {
    throw fromNative(error)
  }
}

/** Returns the number of the user with that name, by getpwnam(3). */
export async function findUser(name: Buffer): Promise<number | undefined> {
  const native = await loadNative()
  return native.findUser(name) ?? undefined
}

/** Returns the number of the group with that name, by getgrnam(3). */
export async function findGroup(name: Buffer): Promise<number | undefined> {
  const native = await loadNative()
  return native.findGroup(name) ?? undefined
}

/** Ends the process by SIGPIPE, the usual end of programs whose reader is gone. Node ignores that signal. */
export async function endByBrokenPipe(): Promise<void> {
  const native = await loadNative()
  native.endByBrokenPipe()
}
