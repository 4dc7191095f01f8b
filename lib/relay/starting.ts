import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NativeEvent, NativeNamespace, NativeRelay, NativeRelayOptions } from '#binding'
import { throwIfAborted } from '../check/abort.ts'
import { fromNative } from '../errors.ts'
import { loadNative } from '../native/native.ts'
import { type Inheritance, toNative } from './handover/passing.ts'
import { PeerRoutes } from './peers/routes.ts'

/** Opens the routes to the networks of the peers. Those of an interface that is passed on are the relay's own. */
export async function openRoutes(
  { netns, name, fwmark }: Pick<NativeRelayOptions, 'netns' | 'name' | 'fwmark'>,
  namespace: NativeNamespace | undefined,
  isInherited: boolean,
): Promise<PeerRoutes> {
  const isElsewhere = netns !== undefined
  const before = isInherited ? undefined : name
  return PeerRoutes.open({ netns: netns ?? namespace?.path, isElsewhere, name: before, fwmark })
}

/** Starts the native relay. */
export async function startNative(
  options: NativeRelayOptions,
  onEvent: (event: NativeEvent) => void,
  signal: AbortSignal | undefined,
  from: { namespace: NativeNamespace | undefined; inherited: Inheritance | undefined },
): Promise<NativeRelay> {
  const addon = await loadNative()
  let native
  try {
    native = await addon.startRelay(options, onEvent, from.namespace, toNative(from.inherited))
  } catch (error) {
    // The events of the failed start use a separate path, but arrive in the same turn of the event loop.
    await nextTurn()
    throwIfAborted(signal)
    throw fromNative(error)
  }
  if (signal?.aborted) {
    // A start cannot be interrupted: it is completed and then rolled back.
    await native.close().catch(() => undefined)
    throw signal.reason
  }
  return native
}
