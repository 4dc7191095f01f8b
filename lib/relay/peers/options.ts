import { KEEPALIVE_MAX } from '../../check/limits.ts'
import ipaddr from 'ipaddr.js'
import { canonicalNetwork, formatAddress, parseRoute } from '../../check/address.ts'
import { type Check, checkFields, integer } from '../../check/fields.ts'
import { checkList } from '../../check/list.ts'
import { invalidArgument } from '../../errors.ts'
import { type UdpEndpoint, formatEndpoint } from '../info.ts'
import { type PeerEndpoint, checkEndpoints } from './endpoint.ts'

/** A peer of a relay. */
export interface RelayPeer {
  /**
   * Name that identifies the peer, 1 to 64 bytes without control characters. Default: the text of its first endpoint.
   */
  name?: string | undefined
  /**
   * Destination of datagrams, and the address that they come from: `HOST:PORT`, with an IPv6 address in brackets, or
   * `{ address, port }`. The host is an address or a name. An array has several endpoints, at most 16, and the first
   * one is used at the start. With keepalives, the next one is used after three silent intervals. Without keepalives,
   * the next one is used only if the kernel reports that the present one refuses datagrams or cannot be reached.
   */
  endpoint: PeerEndpoint | readonly PeerEndpoint[]
  /**
   * The inner networks of the peer, `NETWORK[/PREFIX]`. A packet is sent to the peer that has the longest prefix that
   * contains its destination. Required with several peers. Default for a single peer: everything.
   */
  allowedPrefixes?: readonly string[] | undefined
  /** Interval of keepalives, seconds, 0 to 65535; 0: none. Default: 0. */
  keepaliveSeconds?: number | undefined
  /**
   * Whether datagrams go to another port of the address that the peer sends from, because a NAT has changed it: always,
   * never, or with `auto` if the peer is known to receive on the port that it sends from: it has sent from the port of its
   * endpoint, or a keepalive. A plain peer with a socket for each direction does neither, so datagrams go on to its
   * endpoint. The port of a single peer with only an endpoint (and a name) is never followed, and a new port is not
   * followed if several peers have its address. Default: `auto`.
   */
  followPort?: boolean | 'auto' | undefined
}

/** Changes of a peer. Absent properties stay as they are. */
export type PeerUpdate = Partial<Omit<RelayPeer, 'name'>>

/** A checked peer. Its host names are not resolved yet. */
export interface CheckedPeer {
  readonly name: string
  readonly endpoints: readonly UdpEndpoint[]
  /** Networks without host bits and IPv4-mapped addresses; absent: everything. */
  readonly allowedPrefixes?: readonly string[]
  readonly keepaliveSeconds?: number
  readonly followPort?: boolean | 'auto'
}

/** The maximum length of a peer's name, bytes. */
const NAME_MAX = 64

const keepalive = integer(0, KEEPALIVE_MAX)

/** The networks of a peer that gets every packet. */
export const EVERYTHING: readonly string[] = ['0.0.0.0/0', '::/0']

/** Checks a peer; `what` is its place in the options: `peers[2]`. */
export function checkPeerOptions(what: string, value: unknown): CheckedPeer {
  const { endpoint, name, ...others } = checkFields(what, value, {
    name: at(what, checkPeerName),
    ...changeable(what),
  })
  // A missing endpoint is refused with the message of its check.
  const endpoints = endpoint ?? checkEndpoints(`${what}.endpoint`, undefined)
  return { name: name ?? defaultName(endpoints), endpoints, ...others }
}

/** Returns a peer with changes. */
export function updatePeer(what: string, peer: CheckedPeer, changes: unknown): CheckedPeer {
  const { endpoint, ...others } = checkFields(what, changes, changeable(what))
  return { ...peer, ...(endpoint === undefined ? {} : { endpoints: endpoint }), ...others }
}

/** Checks a list of peers by themselves; `checkDistinct` compares them. */
export function checkPeers(what: string, value: unknown): CheckedPeer[] {
  const list = checkList(what, value, 'an array of peers')
  return list.map((one, index) => checkPeerOptions(`${what}[${index}]`, one))
}

/** Checks the name of a peer. */
function checkPeerName(what: string, value: unknown): string {
  // eslint-disable-next-line no-control-regex -- control characters are refused
  const isName = typeof value === 'string' && /^(?! )[^\0-\u001F\u007F]+(?<! )$/u.test(value)
  if (isName && Buffer.byteLength(value) <= NAME_MAX) return value
  const expected = `text of 1 to ${NAME_MAX} bytes without control characters and outer blanks`
  throw invalidArgument(what, value, expected)
}

function changeable(what: string) {
  return {
    endpoint: at(what, checkEndpoints),
    allowedPrefixes: at(what, checkPrefixes),
    keepaliveSeconds: at(what, keepalive),
    followPort: at(what, checkFollowPort),
  }
}

/** Returns the check of a property with its whole place in the options. */
function at<T>(what: string, check: Check<T>): Check<T> {
  return (name, value) => check(`${what}.${name}`, value)
}

function checkPrefixes(what: string, value: unknown): string[] {
  const list = checkList(what, value, 'an array of networks, NETWORK[/PREFIX]')
  return list.map((one, index) => {
    const network = canonicalNetwork(parseRoute(one as string, `${what}[${index}]`))
    const address = ipaddr.parse(network.address).toString()
    return formatAddress({ ...network, address })
  })
}

function checkFollowPort(what: string, value: unknown): boolean | 'auto' {
  if (typeof value === 'boolean' || value === 'auto') return value
  throw invalidArgument(what, value, "true, false or 'auto'")
}

function defaultName([first]: readonly UdpEndpoint[]): string {
  return first ? formatEndpoint(first) : ''
}
