import type { NativePeer, NativeRelayOptions } from '#binding'
import { isLoopback } from '../names/choose.ts'
import { type PeerNames, isFollowed, untilFound } from '../names/peerNames.ts'
import { formatEndpoint } from '../info.ts'
import type { CheckedRelayOptions } from '../options.ts'
import { checkFamilies } from '../peer.ts'
import { type Resolution, familyOfName } from '../resolve.ts'
import { type CheckedPeer, EVERYTHING } from './options.ts'

/** The peers of a relay at its start, with their addresses. */
export interface ResolvedEnds {
  /** The options for the native layer. */
  readonly options: Pick<NativeRelayOptions, 'peer' | 'peers' | 'bothFamilies'>
  readonly peers: readonly CheckedPeer[]
  /** Whether packets are routed to peers. Otherwise the only peer gets every packet. */
  readonly isMany: boolean
  readonly names: PeerNames
  /** Returns other peers with their addresses, under the same conditions. Peers without an address are left out. */
  readonly resolve: (peers: readonly CheckedPeer[]) => Promise<NativePeer[]>
}

/**
 * Looks up the names of all peers. If names without an address are waited for, waits until one peer has an address.
 *
 * @throws {TunError} as `resolvePeer()` does, or `ERR_TUN_INVALID_ARGUMENT` if an address is not of the family of the
 *   local address.
 */
export async function resolveEnds(
  checked: CheckedRelayOptions,
  names: PeerNames,
): Promise<ResolvedEnds> {
  const { several } = checked
  return several?.isMany
    ? resolveMany(checked, several.peers, names)
    : resolveSingle(checked, several?.peers[0], names)
}

async function resolveMany(
  checked: CheckedRelayOptions,
  peers: readonly CheckedPeer[],
  names: PeerNames,
): Promise<ResolvedEnds> {
  const { native, peer, signal } = checked
  const resolve = resolverOf(checked, names)
  const natives = await untilFound(async () => {
    const found = await resolve(peers, signal)
    return found.length > 0 ? found : undefined
  }, signal)
  const addresses = natives.flatMap(({ endpoint, alternatives = [] }) =>
    [endpoint, ...alternatives].map(({ address }) => address),
  )
  const families = familiesOf({ listen: native.listen, ...checked }, hostsOf(peers), addresses)
  const options = { peer: addresses[0] ?? peer, peers: natives, ...families }
  return { options, peers, isMany: true, names, resolve }
}

async function resolveSingle(
  checked: CheckedRelayOptions,
  given: CheckedPeer | undefined,
  names: PeerNames,
): Promise<ResolvedEnds> {
  const {
    native: { listen, sendPort: port },
    peer: host,
    signal,
  } = checked
  const address = await untilFound(async () => names.addressOf(host, signal), signal)
  if (listen !== undefined) checkFamilies(listen, address)
  const endpoint = { address: host, port }
  const only = given ?? { name: formatEndpoint(endpoint), endpoints: [endpoint] }
  const options = { peer: address, ...familiesOf({ listen, ...checked }, [host], [address]) }
  const resolve = resolverOf(checked, names)
  return { options, peers: [only], isMany: false, names, resolve }
}

function resolverOf({ native: { listen } }: CheckedRelayOptions, names: PeerNames) {
  return async (peers: readonly CheckedPeer[], signal?: AbortSignal) =>
    resolvePeers(peers, { listen, names, signal })
}

/** Returns the option for sockets of both families, which a name needs if its family can change. */
function familiesOf(
  wanted: Resolution,
  hosts: readonly string[],
  addresses: readonly string[],
): { bothFamilies?: true } {
  const canChange = familyOfName(wanted) === undefined && hosts.some(isFollowed)
  return canChange && !addresses.every(isLoopback) ? { bothFamilies: true } : {}
}

/** Returns the hosts of the endpoints of peers. */
export function hostsOf(peers: readonly CheckedPeer[]): string[] {
  return peers.flatMap(({ endpoints }) => endpoints.map(({ address }) => address))
}

/** The conditions for the addresses of peers. */
interface Addressing {
  readonly listen: string | undefined
  readonly names: PeerNames
  readonly signal: AbortSignal | undefined
}

/** Returns peers for the native layer, with addresses in place of host names. */
async function resolvePeers(
  peers: readonly CheckedPeer[],
  addressing: Addressing,
): Promise<NativePeer[]> {
  const natives = await Promise.all(peers.map(async (peer) => toNative(peer, addressing)))
  return natives.filter((native) => native !== undefined)
}

async function toNative(
  peer: CheckedPeer,
  { listen, names, signal }: Addressing,
): Promise<NativePeer | undefined> {
  const { name, endpoints, allowedPrefixes = EVERYTHING, keepaliveSeconds, followPort } = peer
  const found = await Promise.all(
    endpoints.map(async ({ address: host, port }) => {
      const address = await names.addressOf(host, signal)
      if (address === undefined) return undefined
      if (listen !== undefined) checkFamilies(listen, address)
      return { address, port }
    }),
  )
  const [endpoint, ...alternatives] = found.filter((one) => one !== undefined)
  if (!endpoint) return undefined
  return {
    name,
    endpoint,
    alternatives,
    allowedPrefixes: [...allowedPrefixes],
    ...(keepaliveSeconds ? { keepaliveMillis: keepaliveSeconds * 1000 } : {}),
    ...(typeof followPort === 'boolean' ? { followPort } : {}),
  }
}
