import { type Check, checkFields, integer } from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'
import type { Form } from '../options/table.ts'
import { checkListen } from './peer.ts'
import { checkDistinct, inList } from './peers/distinct.ts'
import { type CheckedPeer, checkPeers } from './peers/options.ts'

/** The local address and port for datagrams. */
export interface ListenOptions {
  /**
   * Local address of the socket. Default: loopback for loopback peers, otherwise the wildcard of the peer's
   * family.
   */
  address?: string | undefined
  /** UDP port, 0 to 65535. Default: 0: the kernel chooses a port, which is in `relay.info.local`. */
  port?: number | undefined
}

/** The options for both ends, each in either form. */
export interface RelayEnds {
  readonly listen?: string | ListenOptions | undefined
  readonly peers?: readonly CheckedPeer[] | undefined
  readonly peer?: string | undefined
  readonly sendPort?: number | undefined
  readonly receivePort?: number | undefined
}

/** Both ends, checked. Names of peers are not resolved yet. */
export interface CheckedEnds {
  readonly sendPort: number
  readonly receivePort: number
  readonly peer: string
  readonly listen?: string
}

const peerPort = integer(1, 65_535)
const localPort = integer(0, 65_535)
const localAddress: Check<string> = (_, value) => checkListen(value)

/** The peers of a relay. */
export const peers: Form<CheckedPeer[]> = {
  type: 'readonly RelayPeer[]',
  check: (what, value) => {
    const list = checkPeers(what, value)
    if (list.length === 0) throw invalidArgument(what, value, 'at least one peer')
    checkDistinct(inList(what, list))
    return list
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

/** Returns the first peer. */
function farEnd({ peers, peer, sendPort }: RelayEnds): Pick<CheckedEnds, 'peer' | 'sendPort'> {
  const first = peers?.[0]?.endpoints[0]
  if (!first) return { peer: peer ?? '127.0.0.1', sendPort: peerPort('sendPort', sendPort) }
  for (const [name, value] of Object.entries({ peer, sendPort })) {
    if (value !== undefined) throw invalidArgument(name, value, 'none beside peers; leave it out')
  }
  return { peer: first.address, sendPort: first.port }
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
