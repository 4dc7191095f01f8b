import { fromNative, invalidArgument } from '../errors.ts'
import { loadNative } from '../native/native.ts'

/** Returns the names of all named network namespaces, sorted: `ip netns list`. */
export async function listNamespaces(): Promise<string[]> {
  const native = await loadNative()
  return native.listNamespaces().catch(rethrow)
}

/**
 * Creates a named network namespace, whose loopback is down: `ip netns add`. Needs `CAP_SYS_ADMIN`. No thread of
 * Node enters it.
 *
 * @throws {TunError} `ERR_TUN_EXISTS` if the name is in use.
 */
export async function createNamespace(name: string): Promise<void> {
  checkText(name)
  const native = await loadNative()
  await native.createNamespace(name).catch(rethrow)
}

/**
 * Removes the name of a network namespace: `ip netns delete`. The namespace itself ends with the last process,
 * socket and interface that uses it.
 *
 * @throws {TunError} `ERR_TUN_NOT_FOUND` if no namespace has that name.
 */
export async function deleteNamespace(name: string): Promise<void> {
  checkText(name)
  const native = await loadNative()
  await native.deleteNamespace(name).catch(rethrow)
}

function checkText(name: unknown): void {
  if (typeof name === 'string') return
  throw invalidArgument('name', name, 'text', { code: 'ERR_TUN_INVALID_NAME' })
}

function rethrow(error: unknown): never {
  throw fromNative(error)
}
