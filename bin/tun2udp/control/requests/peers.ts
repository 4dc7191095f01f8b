import type { PeerUpdate, RelayPeer } from '../../../../index.ts'
import { type Check, checkFields, list, text } from '../../../../lib/check/fields.ts'
import { TunError, invalidArgument } from '../../../../lib/errors.ts'
import type { Method } from '../method.ts'

/** The longest name, bytes. The library has the exact rules. */
const NAME_MAX = 64

/** A property that the library checks. */
const unchecked: Check = (_, value) => value

const ADD = { peer: unchecked }
const SET = { name: text(1, NAME_MAX), changes: unchecked }
const REMOVE = { names: list(text(1, NAME_MAX), 'an array of names') }

/** Returns the state of each peer. */
// eslint-disable-next-line @typescript-eslint/require-await -- a method returns a promise
export const listPeers: Method = async (params, { relay }) => {
  checkFields('params', params, {})
  return { peers: relay.peers.list() }
}

/** Adds a peer. */
export const addPeer: Method = async (params, { relay }) => {
  const { peer } = checkFields('params', params, ADD)
  await relay.peers.add(peer as RelayPeer)
}

/** Changes a peer. */
export const setPeer: Method = async (params, { relay }) => {
  const { name, changes } = checkFields('params', params, SET)
  const peer = name ?? SET.name('name', undefined)
  await relay.peers.set(peer, changes as PeerUpdate).catch(rethrow)
}

/** Removes peers. */
export const removePeers: Method = async (params, { relay }) => {
  const { names = [] } = checkFields('params', params, REMOVE)
  const [first, ...others] = names
  if (first === undefined) throw invalidArgument('names', names, 'at least one name')
  await relay.peers.remove(first, ...others).catch(rethrow)
}

/** Throws an error of the library, with the advice for a program. */
function rethrow(error: unknown): never {
  if (!(error instanceof TunError) || error.code !== 'ERR_TUN_NOT_FOUND') throw error
  const message = error.message.replace('relay.peers.list()', '`tun2udp peers list`')
  throw new TunError(message, { code: error.code }, { cause: error })
}
