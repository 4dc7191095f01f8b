import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { linkNames } from './device.ts'
import type { Namespace } from './namespace.ts'

/** Time limit for the removal of something, and the interval of the checks. */
const PATIENCE_MS = 20_000
const INTERVAL_MS = 20

/**
 * Waits until `look` returns `expected`, and asserts it.
 *
 * A test that expects the removal of an interface, a queue or a descriptor waits with this function. A
 * process that was forked at that moment holds a copy of each descriptor until its execve(2). A process that
 * was killed holds its descriptors until the kernel has ended it.
 */
export async function eventually<T>(
  t: ExecutionContext,
  look: () => T | Promise<T>,
  expected: T,
  message?: string,
): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  let seen = await look()
  while (!isEqual(seen, expected) && Date.now() < end) {
    await sleep(INTERVAL_MS)
    seen = await look()
  }
  t.deepEqual(seen, expected, message)
}

/** Waits until a namespace has only these interfaces and `lo`. */
export async function untilLinks(
  t: ExecutionContext,
  namespace: Namespace,
  names: readonly string[],
  message?: string,
): Promise<void> {
  await eventually(t, () => linkNames(namespace), [...names, 'lo'].sort(), message)
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
