import type { NativePeer, NativeRelayOptions } from '#binding'
import { formatEndpoint } from '../info.ts'
import type { CheckedRelayOptions } from '../options.ts'
import { checkFamilies } from '../peer.ts'
import { type Resolution, resolvePeer } from '../resolve.ts'
import { type CheckedPeer, EVERYTHING } from './options.ts'

/** The peers of a relay at its start, with their addresses. */
export interface ResolvedEnds {
  /** The options for the native layer. */
  readonly options: Pick<NativeRelayOptions, 'peer' | 'peers'>
  readonly peers: readonly CheckedPeer[]
  readonly natives: readonly NativePeer[]
  /** Whether packets are routed to peers. Otherwise the only peer gets every packet. */
  readonly isMany: boolean
  /** Returns other peers with their addresses, under the same conditions. */
  readonly resolve: (peers: readonly CheckedPeer[]) => Promise<NativePeer[]>
}

/**
 * Looks up the names of all peers.
 *
 * @throws {TunError} as {@link resolvePeer} does, or `ERR_TUN_INVALID_ARGUMENT` if an address is not of the family of
 *   the local address.
 */
export async function resolveEnds(
  { native: { listen, sendPort }, peer, several, family, signal }: CheckedRelayOptions,
  onWaiting?: Resolution['onWaiting'],
): Promise<ResolvedEnds> {
  const resolve = async (peers: readonly CheckedPeer[], until?: AbortSignal) =>
    resolvePeers(peers, { listen, family, signal: until, onWaiting: until && onWaiting })
  if (several?.isMany) {
    const natives = await resolve(several.peers, signal)
    const first = natives[0]?.endpoint.address ?? peer
    return { options: { peer: first, peers: natives }, natives, ...several, resolve }
  }
  const address = await resolvePeer(peer, { listen, family, signal, onWaiting })
  if (listen !== undefined) checkFamilies(listen, address)
  const [
    only = {
      name: formatEndpoint({ address: peer, port: sendPort }),
      endpoints: [{ address: peer, port: sendPort }],
    },
  ] = several?.peers ?? []
  return { options: { peer: address }, natives: [], peers: [only], isMany: false, resolve }
}

/**
 * Returns peers for the native layer, with addresses in place of host names.
 *
 * @throws {TunError} as {@link resolvePeer} does.
 */
async function resolvePeers(
  peers: readonly CheckedPeer[],
  wanted: Resolution,
): Promise<NativePeer[]> {
  return Promise.all(peers.map(async (peer) => toNative(peer, wanted)))
}

async function toNative(peer: CheckedPeer, wanted: Resolution): Promise<NativePeer> {
  const { name, endpoints, allowedPrefixes = EVERYTHING, keepaliveSeconds, followPort } = peer
  const [endpoint = { address: '', port: 0 }, ...alternatives] = await Promise.all(
    endpoints.map(async ({ address: host, port }) => {
      const address = await resolvePeer(host, wanted)
      if (wanted.listen !== undefined) checkFamilies(wanted.listen, address)
      return { address, port }
    }),
  )
  return {
    name,
    endpoint,
    alternatives,
    allowedPrefixes: [...allowedPrefixes],
    ...(keepaliveSeconds ? { keepaliveMillis: keepaliveSeconds * 1000 } : {}),
    ...(followPort === undefined ? {} : { followPort }),
  }
}
