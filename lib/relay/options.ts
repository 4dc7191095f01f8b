import type { NativeRelayOptions } from '#binding'
import { joinEnds } from './ends.ts'
import { RELAY } from './optionTable.ts'
import { expandDefault } from '../options/addressForms.ts'

/** The checked options. The name of the peer is not resolved yet. */
export interface CheckedRelayOptions {
  readonly native: Omit<NativeRelayOptions, 'peer'>
  readonly peer: string
  /** Required family of the peer's address. */
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
