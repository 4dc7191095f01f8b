import type { NativePeer, NativeRelay } from '#binding'
import { TunError, fromNative, invalidArgument } from '../../errors.ts'
import { KEY, checkKey } from '../../lifetime/constructing.ts'
import { InOrder } from '../../lifetime/inOrder.ts'
import { type ApplyChange, type PeerNames, relayClosed } from '../names/peerNames.ts'
import { type PeerChanges, compare, isUnchanged } from './changes.ts'
import { type PlacedPeer, checkDistinct, inList } from './distinct.ts'
import {
  type CheckedPeer,
  type PeerUpdate,
  type RelayPeer,
  checkPeerOptions,
  checkPeers,
  updatePeer,
} from './options.ts'
import { hostsOf } from './resolve.ts'
import type { PeerRoutes } from './routes.ts'
import { type PeerState, type PeerTraffic, toState } from './state.ts'

/** The counts of a relay with several peers that belong to no peer of `list()`. */
export interface OtherTraffic {
  /** The sum of the peers that were removed. A peer that is removed and added again starts at 0. */
  readonly removed: PeerTraffic
  /** Datagrams from other addresses, packets without a peer, and packets that the interface refused. */
  readonly noPeer: PeerTraffic
}

/** The objects that the peers of a relay use. */
export interface PeersOptions {
  readonly native: NativeRelay
  readonly peers: readonly CheckedPeer[]
  /** Whether packets are routed to peers. Otherwise the only peer gets every packet. */
  readonly isMany: boolean
  /** The names of the peers, which are followed. */
  readonly names: PeerNames
  /** Returns peers for the native layer. Those without an address are left out. */
  readonly resolve: (peers: readonly CheckedPeer[]) => Promise<NativePeer[]>
  /** The routes to the networks of the peers, if they are wanted. */
  readonly routes: PeerRoutes | undefined
  /** Whether the relay is closed. */
  readonly isClosed: () => boolean
}

/** Returns the peers after a change. */
type Change = (peers: readonly CheckedPeer[]) => readonly PlacedPeer[]

/** The name of the method for the relay. */
export const REPLACE: unique symbol = Symbol('replace')

export let newPeers: (options: PeersOptions) => Peers

/**
 * The peers of a relay.
 *
 * A change is made as a whole or not at all, and does not affect the packets of the peers that stay as they are.
 * Calls are done one after the other, in their order.
 *
 * @example
 * await relay.peers.add({ name: 'c', endpoint: 'c.example:5001', allowedPrefixes: ['10.9.0.3/32'] })
 */
export class Peers {
  readonly #options: PeersOptions
  readonly #changes = new InOrder()
  #peers: readonly CheckedPeer[]

  private constructor(key: typeof KEY, options: PeersOptions) {
    checkKey(key, 'Peers', 'startRelay()')
    this.#options = options
    this.#peers = options.peers
    this.#follow()
  }

  /** Returns the state of each peer. After the relay is closed, the counters keep their last values. */
  list(): PeerState[] {
    const { native, isMany } = this.#options
    const states = native.peers()
    // While a change is made, the native layer may have it already.
    const byName = new Map(states.map((state) => [state.name, state]))
    return this.#peers.flatMap((peer) => toState(peer, isMany ? byName.get(peer.name) : states[0]))
  }

  /**
   * Returns the counts that belong to no peer of {@link Peers.list}. The counts of all peers and these add up to the
   * counters of `relay.stats()`. Under traffic each value is exact, but the values are not of one instant.
   */
  others(): OtherTraffic {
    return this.#options.native.otherTraffic()
  }

  /**
   * Adds one or more peers. Many peers are added in much less time by one call than one by one.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if an option is refused, or another peer has the name, an endpoint or
   *   a network.
   */
  async add(peer: RelayPeer, ...more: readonly RelayPeer[]): Promise<void> {
    const added = [peer, ...more].map((one, index) => {
      const place = more.length === 0 ? 'peer' : `peers[${index}]`
      return { place, peer: checkPeerOptions(place, one) }
    })
    await this.#change((peers) => [...known(peers), ...added])
  }

  /**
   * Changes a peer. Properties that are absent stay as they are.
   *
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if there is no such peer, otherwise as {@link Peers.add} does.
   */
  async set(name: string, changes: PeerUpdate): Promise<void> {
    // Refused at once, and before an earlier call is done.
    updatePeer('changes', { name: '', endpoints: [] }, changes)
    await this.#change((peers) => {
      find(peers, name)
      return known(peers).map((placed) =>
        placed.peer.name === name
          ? { place: 'changes', peer: updatePeer('changes', placed.peer, changes) }
          : placed,
      )
    })
  }

  /**
   * Removes one or more peers. Packets to their networks have no peer then.
   *
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if there is no such peer.
   */
  async remove(name: string, ...more: readonly string[]): Promise<void> {
    await this.#change((peers) => {
      const removed = new Set([name, ...more].map((one) => find(peers, one)))
      return known(peers.filter((peer) => !removed.has(peer)))
    })
  }

  /**
   * Replaces all peers. A peer with the same name and the same options is not touched. Returns what changed.
   *
   * @throws {TunError} as {@link Peers.add} does.
   */
  async replace(peers: readonly RelayPeer[]): Promise<PeerChanges> {
    return this[REPLACE](checkPeers('peers', peers))
  }

  /** @internal Replaces all peers by checked ones. Without any, the only peer stays as it is. */
  async [REPLACE](peers: readonly CheckedPeer[] | undefined): Promise<PeerChanges> {
    return this.#change((before) => (peers ? inList('peers', peers) : known(before)))
  }

  async #change(change: Change): Promise<PeerChanges> {
    return this.#changes.run(async () => this.#apply(change))
  }

  /** Follows the names of the present peers. */
  #follow(): void {
    this.#options.names.follow(hostsOf(this.#peers), this.#applyName)
  }

  /** Makes the relay use a changed address of a name. */
  readonly #applyName: ApplyChange = async (change) =>
    this.#changes.run(async () => {
      this.#checkOpen()
      const undo = change()
      try {
        await this.#useNames()
      } catch (error) {
        undo()
        throw error
      }
    })

  /** Passes the present addresses of all names to the relay. */
  async #useNames(): Promise<void> {
    const { isMany, native, names, resolve } = this.#options
    if (isMany) return this.#use(this.#peers, await resolve(this.#peers))
    const [{ address: host, port } = { address: '', port: 0 }] = this.#peers[0]?.endpoints ?? []
    const address = await names.addressOf(host)
    if (address === undefined) return
    try {
      await native.setEndpoint({ address, port })
    } catch (error) {
      throw fromNative(error)
    }
  }

  async #apply(change: Change): Promise<PeerChanges> {
    const { isMany, resolve, routes } = this.#options
    this.#checkOpen()
    const before = this.#peers
    const placed = change(before)
    const after = placed.map(({ peer }) => peer)
    const changes = compare(before, after)
    if (!isMany && !isUnchanged(changes)) throw single()
    checkDistinct(placed)
    if (isUnchanged(changes)) return changes
    const natives = await resolve(after)
    // The relay can be closed during any wait.
    this.#checkOpen()
    // First the routes: they can be rolled back, and a peer that is removed and added again loses its state.
    const undo = await routes?.change(before, after, natives)
    try {
      await this.#use(after, natives)
    } catch (error) {
      await undo?.()
      throw error
    }
    return changes
  }

  #checkOpen(): void {
    if (this.#options.isClosed()) throw relayClosed()
  }

  async #use(peers: readonly CheckedPeer[], natives: readonly NativePeer[]): Promise<void> {
    this.#checkOpen()
    try {
      await this.#options.native.setPeers([...natives])
    } catch (error) {
      throw fromNative(error)
    }
    this.#peers = peers
    this.#follow()
  }

  static {
    newPeers = (options) => new Peers(KEY, options)
  }
}

function known(peers: readonly CheckedPeer[]): PlacedPeer[] {
  const placed = (peer: CheckedPeer): PlacedPeer => {
    return { place: `the peer ${JSON.stringify(peer.name)}`, peer, isKnown: true }
  }
  return peers.map(placed)
}

function find(peers: readonly CheckedPeer[], name: string): CheckedPeer {
  if (typeof name !== 'string') throw invalidArgument('name', name, 'the name of a peer')
  const found = peers.find((peer) => peer.name === name)
  if (found) return found
  const advice = 'relay.peers.list() has the names'
  throw new TunError(
    `find the peer ${JSON.stringify(name)}: there is none of this name; ${advice}`,
    {
      code: 'ERR_TUN_NOT_FOUND',
      subject: name,
      advice,
    },
  )
}

function single(): TunError {
  const advice = 'start the relay with `allowedPrefixes` (--allow) for its peer'
  const reason = 'the relay was started for a single peer, which gets every packet'
  return new TunError(`change the peers: ${reason}; ${advice}`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    advice,
  })
}
