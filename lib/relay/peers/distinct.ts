import { invalidArgument } from '../../errors.ts'
import { endpointKey } from './endpoint.ts'
import type { CheckedPeer } from './options.ts'

/** A peer, and its place in the options: `peers[2]`, or its name if it was there before. */
export interface PlacedPeer {
  readonly place: string
  readonly peer: CheckedPeer
  /** Whether the peer was there before. An error names another peer instead, if possible. */
  readonly isKnown?: true
}

/** Returns the peers with their places in a list. */
export function inList(what: string, peers: readonly CheckedPeer[]): PlacedPeer[] {
  return peers.map((peer, index) => ({ place: `${what}[${index}]`, peer }))
}

/**
 * Checks that no two peers have the same name, endpoint or network, and that each of several peers has networks.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`, which names the place of the later one.
 */
export function checkDistinct(all: readonly PlacedPeer[]): void {
  const names = new Map<string, string>()
  const endpoints = new Map<string, string>()
  const prefixes = new Map<string, string>()
  const sorted = [...all.filter(({ isKnown }) => isKnown), ...all.filter(({ isKnown }) => !isKnown)]
  for (const { place, peer } of sorted) {
    claim(names, peer.name, `${place}.name`, { place, shown: peer.name, what: 'a name' })
    for (const [index, endpoint] of peer.endpoints.entries()) {
      const path = peer.endpoints.length > 1 ? `${place}.endpoint[${index}]` : `${place}.endpoint`
      const shown = `${endpoint.address} port ${endpoint.port}`
      claim(endpoints, endpointKey(endpoint), path, { place, shown, what: 'an endpoint' })
    }
    if (peer.allowedPrefixes === undefined && all.length > 1) {
      const expected = 'an array of networks, since there are several peers'
      throw invalidArgument(`${place}.allowedPrefixes`, undefined, expected)
    }
    for (const [index, prefix] of (peer.allowedPrefixes ?? []).entries()) {
      const path = `${place}.allowedPrefixes[${index}]`
      claim(prefixes, prefix, path, { place, shown: prefix, what: 'a network' })
    }
  }
}

/** Records the place of a key. If another place has it already, it is refused. */
function claim(
  taken: Map<string, string>,
  key: string,
  path: string,
  { place, shown, what }: { place: string; shown: string; what: string },
): void {
  const other = taken.get(key)
  if (other === undefined) {
    taken.set(key, place)
    return
  }
  const holder = other === place ? 'the same peer' : other
  throw invalidArgument(path, shown, `${what} that no other peer has`, {
    advice: `${holder} has it too`,
  })
}
