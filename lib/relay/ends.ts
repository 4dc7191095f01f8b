import { type Check, checkFields, integer } from '../check/fields.ts'
import { checkList } from '../check/list.ts'
import { invalidArgument } from '../errors.ts'
import type { UdpEndpoint } from './info.ts'
import { checkListen, checkPeer } from './peer.ts'
import type { Form } from '../options/table.ts'

/** A peer of a relay. */
export interface RelayPeer {
  /** The destination of datagrams: an IPv4 or IPv6 address or a name, which is resolved once, and a UDP port. */
  endpoint: UdpEndpoint
}

/** The local address and port for datagrams. */
export interface ListenOptions {
  /**
   * Local address of the socket. Default: loopback for a loopback peer, otherwise the wildcard of the peer's
   * family.
   */
  address?: string | undefined
  /** UDP port, 0 to 65535. Default: 0: the kernel chooses a port, which is in `relay.info.local`. */
  port?: number | undefined
}

/** The options for both ends, each in either form. */
export interface RelayEnds {
  readonly listen?: string | ListenOptions | undefined
  readonly peers?: readonly RelayPeer[] | undefined
  readonly peer?: string | undefined
  readonly sendPort?: number | undefined
  readonly receivePort?: number | undefined
}

/** Both ends, checked. The name of the peer is not resolved yet. */
export interface CheckedEnds {
  readonly sendPort: number
  readonly receivePort: number
  readonly peer: string
  readonly listen?: string
}

const peerPort = integer(1, 65_535)
const localPort = integer(0, 65_535)
const peerAddress: Check<string> = (_, value) => checkPeer(value)
const localAddress: Check<string> = (_, value) => checkListen(value)

const ENDPOINT = { address: peerAddress, port: peerPort }
const endpoint: Check<UdpEndpoint> = (what, value) => {
  const { address, port } = checkFields(what, value, ENDPOINT)
  // Both are required; the check of each refuses `undefined`.
  return { address: checkPeer(address), port: peerPort('port', port) }
}

/** The peers of a relay. */
export const peers: Form<RelayPeer[]> = {
  type: 'readonly RelayPeer[]',
  check: (what, value) => {
    const list = checkList(what, value, 'an array of peers')
    if (list.length !== 1) {
      const expected = `one peer, and there are ${list.length}; start a relay for each`
      throw invalidArgument(what, value, expected)
    }
    return list.map((one) => {
      const peer = checkFields('peer', one, { endpoint })
      if (peer.endpoint) return { endpoint: peer.endpoint }
      throw invalidArgument('endpoint', peer.endpoint, '{ address, port }')
    })
  },
}

/** The local address of a relay, or both its address and its port. */
export const listen: Form<string | ListenOptions> = {
  type: 'string | ListenOptions',
  check: (what, value) => {
    if (typeof value !== 'object' || value === null) return checkListen(value)
    return checkFields(what, value, { address: localAddress, port: localPort })
  },
}

/**
 * Combines the options for both ends, which have two forms.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if one is missing, or given in both forms.
 */
export function joinEnds(ends: RelayEnds): CheckedEnds {
  return { ...farEnd(ends), ...nearEnd(ends) }
}

function farEnd({ peers, peer, sendPort }: RelayEnds): Pick<CheckedEnds, 'peer' | 'sendPort'> {
  const [only] = peers ?? []
  if (!only) return { peer: peer ?? '127.0.0.1', sendPort: peerPort('sendPort', sendPort) }
  for (const [name, value] of Object.entries({ peer, sendPort })) {
    if (value !== undefined) throw invalidArgument(name, value, 'none beside peers; leave it out')
  }
  return { peer: only.endpoint.address, sendPort: only.endpoint.port }
}

function nearEnd({ listen, receivePort }: RelayEnds): Pick<CheckedEnds, 'listen' | 'receivePort'> {
  if (typeof listen !== 'object') {
    const port = localPort('receivePort', receivePort)
    return { receivePort: port, ...(listen === undefined ? {} : { listen }) }
  }
  if (receivePort !== undefined) {
    throw invalidArgument('receivePort', receivePort, 'none beside listen.port; leave it out')
  }
  const { address, port = 0 } = listen
  return { receivePort: port, ...(address === undefined ? {} : { listen: address }) }
}
