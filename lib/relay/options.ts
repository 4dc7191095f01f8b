import type { NativeRelayOptions } from '#binding'
import { joinEnds } from './ends.ts'
import { RELAY } from './optionTable.ts'
import { expandDefault } from '../options/addressForms.ts'

/** Options that are checked: each text has its form; only the peer is not resolved yet. */
export interface CheckedRelayOptions {
  readonly native: Omit<NativeRelayOptions, 'peer'>
  readonly peer: string
  /** Family that the address of the peer is to have. */
  readonly family: 4 | 6 | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Checks all options before anything is changed.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkOptions(options: unknown): CheckedRelayOptions {
  const { peers, peer, family, sendPort, receivePort, listen, signal, ...same } =
    RELAY.check(options)
  const ends = joinEnds({ peers, peer, sendPort, receivePort, listen })
  const { peer: host, ...native } = ends
  const routes = same.routes && { routes: expandDefault(same.routes, same.addresses) }
  return { native: { ...same, ...routes, ...native }, peer: host, family, signal }
}
