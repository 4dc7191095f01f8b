import { isIP, isIPv6 } from 'node:net'
import { invalidArgument } from '../errors.ts'
import { canonicalAddress, rangeOf } from '../check/address.ts'
import { isLinkName } from '../check/interface.ts'

/**
 * Checks the peer: an IPv4 address, an IPv6 address with or without a zone, or a host name. Returns an IPv4-mapped
 * address as that of IPv4.
 *
 * A name that ends in a number is refused: getaddrinfo(3) would read `10.1` as 10.0.0.1.
 */
export function checkPeer(peer: unknown, what = 'peer'): string {
  if (typeof peer === 'string') {
    if (familyOfPeer(peer)) return checkPeerAddress(peer, what)
    if (isHostName(peer)) return peer
  }
  throw invalidArgument(what, peer, 'an IPv4 address, an IPv6 address or a host name')
}

/**
 * Returns the family of an address literal, 4 or 6, and 0 if it is not one. A zone may be any name that the kernel
 * allows for an interface; Node's own `isIP()` accepts fewer.
 */
export function familyOfPeer(peer: string): 0 | 4 | 6 {
  const { address, zone } = splitZone(peer)
  if (zone !== undefined && !(isIPv6(address) && isLinkName(zone))) return 0
  return isIP(address) as 0 | 4 | 6
}

/** Checks that an address literal can be sent to, and can send replies. */
export function checkPeerAddress(peer: string, what = 'peer'): string {
  const { address: written, zone } = splitZone(peer)
  const address = canonicalAddress(written)
  const range = rangeOf(address)
  if (range === 'unspecified' || range === 'multicast' || range === 'broadcast') {
    throw invalidArgument(
      what,
      peer,
      `the address of one host, not ${range === 'unspecified' ? 'an' : 'a'} ${range} one`,
    )
  }
  const isLinkLocal = isIPv6(address) && range === 'linkLocal'
  if (isLinkLocal && zone === undefined) {
    throw invalidArgument(
      what,
      peer,
      `a link-local address with its interface, such as ${address}%eth0`,
    )
  }
  if (!isLinkLocal && zone !== undefined) {
    throw invalidArgument(
      what,
      peer,
      `${written} without an interface, which only a link-local address has`,
    )
  }
  return zone === undefined ? address : peer
}

/** Checks the local address of the socket: an address literal, which may be the wildcard. */
export function checkListen(listen: unknown): string {
  if (typeof listen === 'string' && isIP(listen) && !listen.includes('%')) {
    const address = canonicalAddress(listen)
    const range = rangeOf(address)
    if (range !== 'multicast' && range !== 'broadcast') return address
  }
  throw invalidArgument(
    'listen',
    listen,
    'an IPv4 or IPv6 address of this machine, without a zone, or the wildcard 0.0.0.0 or ::',
  )
}

/** Checks that a socket with the local address can send to the peer's address. */
export function checkFamilies(listen: string, peer: string): void {
  const family = familyOfPeer(peer)
  if (isIP(listen) === family) return
  throw invalidArgument('listen', listen, `an IPv${family} address, as the peer ${peer} has one`)
}

function splitZone(peer: string): { address: string; zone?: string } {
  const at = peer.indexOf('%')
  return at === -1 ? { address: peer } : { address: peer.slice(0, at), zone: peer.slice(at + 1) }
}

/** The maximum length of a host name with the dot of the root (RFC 1035 2.3.4), characters. */
const HOST_NAME_MAX = 254

/** Returns whether a text is a host name by RFC 1123 2.1. Also accepts the underscore, which many networks use. */
function isHostName(name: string): boolean {
  if (name.length > HOST_NAME_MAX) return false
  const labels = name.replace(/\.$/u, '').split('.')
  const isLabel = (label: string) => /^(?!-)[\w-]{1,63}(?<!-)$/u.test(label)
  return labels.every(isLabel) && !/^(?:\d+|0x[\da-f]*)$/iu.test(labels.at(-1) ?? '')
}
