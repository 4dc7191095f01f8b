import { access } from 'node:fs'
import type { NativeNamespace, NativeSocketOptions } from '#binding'
import { fromNative } from '../errors.ts'

let isPoolStarted = false

/**
 * Starts the threads of libuv's pool. A thread inherits the namespace of the thread that starts it, and the pool
 * serves the whole process (files, name resolution), so that it must not start during a visit.
 */
function startPool(): void {
  if (isPoolStarted) return
  isPoolStarted = true
  access('/', () => undefined)
}

/**
 * Calls a synchronous function while this thread is in the namespace, and returns its result.
 *
 * @throws {TunError} the namespace is closed, or cannot be entered.
 * @throws the error that `work` throws.
 */
export function visit<T>(native: NativeNamespace, work: () => T): T {
  startPool()
  let outcome: { value: T } | { thrown: unknown } | undefined
  try {
    native.visit(() => {
      try {
        outcome = { value: work() }
      } catch (thrown) {
        outcome = { thrown }
      }
    })
  } catch (error) {
    throw fromNative(error)
  }
  if (outcome && 'value' in outcome) return outcome.value
  throw outcome?.thrown
}

/**
 * Checks that the namespace is open.
 *
 * @throws {TunError} `ERR_TUN_CLOSED`
 */
export function checkOpen(native: NativeNamespace): void {
  pathOf(native)
}

/**
 * Returns the path of the namespace.
 *
 * @throws {TunError} `ERR_TUN_CLOSED`
 */
export function pathOf(native: NativeNamespace): string {
  try {
    return native.path
  } catch (error) {
    throw fromNative(error)
  }
}

/**
 * Creates a socket in the namespace, and passes its descriptor to `adopt`, which owns it unless it throws.
 *
 * @throws {TunError} the namespace is closed or cannot be entered, or the socket cannot be bound.
 */
export function withSocket<T>(
  native: NativeNamespace,
  options: NativeSocketOptions,
  adopt: (fd: number) => T,
): T {
  let socket
  try {
    socket = native.socket(options)
  } catch (error) {
    throw fromNative(error)
  }
  try {
    const adopted = adopt(socket.fd)
    socket.release()
    return adopted
  } catch (error) {
    socket.close()
    throw error
  }
}
