import { isDeepStrictEqual } from 'node:util'
import type { CheckedPeer } from './options.ts'

/** The names of the peers that a call changed. All are empty if nothing changed. */
export interface PeerChanges {
  /** The peers that were added. */
  readonly added: readonly string[]
  /** The peers with another endpoint, prefix or setting. */
  readonly changed: readonly string[]
  /** The peers that were removed. */
  readonly removed: readonly string[]
}

/** Compares two lists of peers. The order of endpoints matters, that of peers and networks does not. */
export function compare(
  before: readonly CheckedPeer[],
  after: readonly CheckedPeer[],
): PeerChanges {
  const old = new Map(before.map((peer) => [peer.name, peer]))
  const kept = new Set(after.map(({ name }) => name))
  const isOther = (peer: CheckedPeer) => {
    const known = old.get(peer.name)
    return known !== undefined && !isDeepStrictEqual(comparable(known), comparable(peer))
  }
  return {
    added: after.filter(({ name }) => !old.has(name)).map(({ name }) => name),
    changed: after.filter(isOther).map(({ name }) => name),
    removed: before.filter(({ name }) => !kept.has(name)).map(({ name }) => name),
  }
}

/** Returns whether nothing changed. */
export function isUnchanged({ added, changed, removed }: PeerChanges): boolean {
  return added.length + changed.length + removed.length === 0
}

function comparable(peer: CheckedPeer): object {
  const { allowedPrefixes, keepaliveSeconds = 0, followPort = 'auto' } = peer
  const prefixes = allowedPrefixes && [...allowedPrefixes].sort()
  return { endpoints: peer.endpoints, prefixes, keepaliveSeconds, followPort }
}
