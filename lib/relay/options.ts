import type { NativeRelayOptions } from '#binding'
import { invalidArgument } from '../errors.ts'
import { expandDefault } from '../options/addressForms.ts'
import { joinEnds } from './ends.ts'
import type { QueueDescriptors } from './handover/descriptors.ts'
import { RELAY } from './optionTable.ts'
import type { CheckedPeer } from './peers/options.ts'
import { prefixesOf } from './peers/routes.ts'

/** The checked options. Names of peers are not resolved yet. */
export interface CheckedRelayOptions {
  readonly native: Omit<NativeRelayOptions, 'peer' | 'peers'>
  /** The peer, or the first one. */
  readonly peer: string
  /** Required family of the peers' addresses. */
  readonly family: 4 | 6 | undefined
  /** Whether the start waits until the name of a peer has an address. */
  readonly waitForDns?: boolean
  readonly signal: AbortSignal | undefined
  /** The peers, if `peers` was given. */
  readonly several?: SeveralPeers
  /** The descriptors of another relay, which are used. */
  readonly descriptors?: readonly QueueDescriptors[]
}

/** The peers of a relay, as the option `peers` describes them. */
export interface SeveralPeers {
  readonly peers: readonly CheckedPeer[]
  /** Whether packets are routed to peers. Otherwise there is one peer, which gets every packet. */
  readonly isMany: boolean
  /** Whether the networks of peers become routes. */
  readonly hasRoutes: boolean
}

/**
 * Checks all options before anything is changed.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkOptions(options: unknown): CheckedRelayOptions {
  return combine(RELAY.check(options))
}

/** The options of a relay by their names. They are in the form of the native layer, each by itself. */
export type PlainRelayOptions = ReturnType<typeof RELAY.check>

/** Checks all options as {@link checkOptions} does. Also returns them as they were given, to compare others with. */
export function checkAndKeep(options: unknown): [CheckedRelayOptions, PlainRelayOptions] {
  const plain = RELAY.check(options)
  return [combine(plain), plain]
}

function combine(checked: PlainRelayOptions): CheckedRelayOptions {
  const {
    peers,
    peer,
    family,
    sendPort,
    receivePort,
    listen,
    waitForDns,
    signal,
    routes,
    descriptors,
    ...same
  } = checked
  if (same.mode !== 'tap' && same.addresses.length === 0) {
    throw invalidArgument('addresses', same.addresses, 'at least one ADDRESS[/PREFIX]')
  }
  const ends = joinEnds({ peers, peer, sendPort, receivePort, listen })
  const { peer: host, ...native } = ends
  const several =
    peers && severalPeers(same.mode === 'tap' ? ofFrames(peers) : peers, routes === true)
  const added =
    routes === true ? routesOfPeers(several) : routes && expandDefault(routes, same.addresses)
  return {
    native: { ...same, ...(added && { routes: added }), ...native },
    peer: host,
    family,
    signal,
    ...(waitForDns === undefined ? {} : { waitForDns }),
    ...(several && { several }),
    ...(descriptors && { descriptors }),
  }
}

function severalPeers(peers: readonly CheckedPeer[], hasRoutes: boolean): SeveralPeers {
  return { peers, isMany: peers.length > 1 || !peers.every(isPlain), hasRoutes }
}

/** Returns whether a peer has only an endpoint: a single one is then the form of the operands. */
function isPlain({ endpoints, allowedPrefixes, keepaliveSeconds, followPort }: CheckedPeer) {
  return endpoints.length === 1 && !allowedPrefixes && !keepaliveSeconds && followPort === undefined
}

/** Returns the peers without their default networks, which do not contain frames. */
function ofFrames(peers: readonly CheckedPeer[]): CheckedPeer[] {
  return peers.map((peer) => (isPlain(peer) ? peer : { allowedPrefixes: [], ...peer }))
}

function routesOfPeers(several: SeveralPeers | undefined): string[] {
  if (several?.peers.every(({ allowedPrefixes }) => allowedPrefixes)) {
    return [...new Set(prefixesOf(several.peers))]
  }
  throw invalidArgument('routes', true, 'networks, or peers with `allowedPrefixes`')
}
