import { isIP, isIPv6 } from 'node:net'
import { invalidArgument } from '../errors.ts'
import { rangeOf } from '../check/address.ts'

/**
 * Checks the peer: an IPv4 address, an IPv6 address with or without a zone, or a host name.
 *
 * A name that ends in a number is refused: getaddrinfo(3) would read `10.1` as 10.0.0.1.
 */
export function checkPeer(peer: unknown): string {
  if (typeof peer === 'string') {
    if (isIP(peer)) return checkPeerAddress(peer)
    if (isHostName(peer)) return peer
  }
  throw invalidArgument('peer', peer, 'an IPv4 address, an IPv6 address or a host name')
}

/** Checks that datagrams can be sent to an address literal and be answered from it. */
export function checkPeerAddress(address: string): string {
  const range = rangeOf(withoutZone(address))
  if (range === 'unspecified' || range === 'multicast' || range === 'broadcast') {
    throw invalidArgument(
      'peer',
      address,
      `the address of one host, not ${range === 'unspecified' ? 'an' : 'a'} ${range} one`,
    )
  }
  if (isIPv6(address) && range === 'linkLocal' && !address.includes('%')) {
    throw invalidArgument(
      'peer',
      address,
      `a link-local address with its interface, such as ${address}%eth0`,
    )
  }
  return address
}

/** Checks the local address of the socket: an address literal, which may be the wildcard. */
export function checkListen(listen: unknown): string {
  if (typeof listen === 'string' && isIP(listen) && !listen.includes('%')) {
    const range = rangeOf(listen)
    if (range !== 'multicast' && range !== 'broadcast') return listen
  }
  throw invalidArgument(
    'listen',
    listen,
    'an IPv4 or IPv6 address of this machine, without a zone, or the wildcard 0.0.0.0 or ::',
  )
}

/** Checks that the local address can send to the peer's. */
export function checkFamilies(listen: string, peer: string): void {
  if (isIP(listen) === isIP(peer)) return
  throw invalidArgument(
    'listen',
    listen,
    `an IPv${isIP(peer)} address, as the peer ${peer} has one`,
  )
}

function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? address
}

/** Characters of a host name with the dot of the root (RFC 1035 2.3.4). */
const HOST_NAME_MAX = 254

/** RFC 1123 2.1, and the underscore that many networks use. */
function isHostName(name: string): boolean {
  if (name.length > HOST_NAME_MAX) return false
  const labels = name.replace(/\.$/u, '').split('.')
  const isLabel = (label: string) => /^(?!-)[\w-]{1,63}(?<!-)$/u.test(label)
  return labels.every(isLabel) && !/^(?:\d+|0x[\da-f]*)$/iu.test(labels.at(-1) ?? '')
}
