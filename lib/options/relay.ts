import type { NativeRelayOptions } from '#binding'
import { invalidArgument } from '../errors.ts'
import type { RelayEvent } from '../events.ts'
import { RELAY } from './relayTable.ts'

/** Options that are checked: each text has its form; only the peer is not resolved yet. */
export interface CheckedRelayOptions {
  readonly native: Omit<NativeRelayOptions, 'peer'>
  readonly peer: string
  readonly signal: AbortSignal | undefined
  readonly onEvent: ((event: RelayEvent) => void) | undefined
}

/**
 * Checks all options before anything is changed.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkOptions(options: unknown): CheckedRelayOptions {
  const { peer = '127.0.0.1', signal, onEvent, ...native } = RELAY.check(options)
  const { group, user } = native
  if (group !== undefined && user === undefined) {
    throw invalidArgument('group', group, 'a user with it; give the user too')
  }
  return { native, peer, signal, onEvent }
}
