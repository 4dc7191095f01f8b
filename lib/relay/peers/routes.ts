import { BlockList } from 'node:net'
import type { NativePeer } from '#binding'
import { TunError, codeOf } from '../../errors.ts'
import { type Netlink, openNetlink } from '../../netlink/netlink.ts'
import { relayClosed } from '../names/peerNames.ts'
import type { CheckedPeer } from './options.ts'

/** The options of the relay that the routes depend on. */
export interface RoutesOptions {
  /** Network namespace of the interface. Default: that of the process. */
  readonly netns: string | undefined
  /** Whether datagrams are sent in another network namespace than that of the interface. */
  readonly isElsewhere: boolean
  /** Name of the interface, which may exist before. */
  readonly name?: string | undefined
  /** Firewall mark of the datagrams. */
  readonly fwmark?: number | undefined
}

/** Rolls back a change of the routes. Never rejects. */
export type UndoRoutes = () => Promise<void>

const HALVES: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'],
  '::/0': ['::/1', '8000::/1'],
}

/** The metric of a route that is added without one: IPv4 has none then (`IP6_RT_PRIO_USER` of net/ip6_route.h). */
const IPV6_METRIC = 1024

/**
 * The routes through the interface to the networks of the peers. The relay adds the first ones; this adds and deletes
 * them when peers change.
 *
 * The session is opened before the process drops its privileges: entering a namespace needs more of them than a
 * change of routes.
 */
export class PeerRoutes {
  readonly #netlink: Netlink
  readonly #options: RoutesOptions
  /** Routes that were there before the relay. They are not deleted. */
  readonly #before: ReadonlySet<string>
  #ifIndex = 0
  /** The routes that this added while the relay ran, and those that are being added. */
  readonly #added = new Set<string>()
  #isClosed = false

  private constructor(netlink: Netlink, options: RoutesOptions, before: ReadonlySet<string>) {
    this.#netlink = netlink
    this.#options = options
    this.#before = before
  }

  /** Opens a session in the namespace of the interface. Tests replace the function that opens it. */
  static async open(options: RoutesOptions, open = openNetlink): Promise<PeerRoutes> {
    const netlink = await open({ netns: options.netns })
    try {
      return new PeerRoutes(netlink, options, await routesThrough(netlink, options.name))
    } catch (error) {
      await netlink.close()
      throw error
    }
  }

  /** Sets the interface, which exists now. */
  use(ifIndex: number): void {
    this.#ifIndex = ifIndex
  }

  /**
   * Adds the routes to new networks, and deletes those that no peer needs any more.
   *
   * @throws {TunError} a route was refused, or would lead the datagrams to a peer into the tunnel. Nothing is changed
   *   then.
   */
  async change(
    before: readonly CheckedPeer[],
    after: readonly CheckedPeer[],
    natives: readonly NativePeer[],
  ): Promise<UndoRoutes> {
    const [old, wanted] = [routesOf(before), routesOf(after)]
    await this.#refuseLoops([...wanted], natives)
    const added: string[] = []
    const deleted: string[] = []
    const undo = async () => {
      await Promise.all(added.map(async (route) => this.#delete(route).catch(() => undefined)))
      await Promise.all(deleted.map(async (route) => this.#add(route).catch(() => undefined)))
    }
    const each = async (
      routes: Iterable<string>,
      work: (route: string) => Promise<boolean>,
      done: string[],
    ) => {
      const results = await Promise.allSettled(
        [...routes].map(async (route) => {
          if (await work(route)) done.push(route)
        }),
      )
      const failed = results.find((result) => result.status === 'rejected')
      if (failed) throw explained(failed.reason)
    }
    try {
      await each(difference(wanted, old), async (route) => this.#add(route), added)
      await each(difference(old, wanted), async (route) => this.#delete(route), deleted)
    } catch (error) {
      await undo()
      throw error
    }
    return undo
  }

  /**
   * Deletes the routes that were added while the relay ran: an interface that existed before keeps none. A route that is
   * being added is deleted after that, because the session sends its requests in their order.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#added].map(async (route) => this.#delete(route)))
    await this.#netlink.close()
  }

  /** Adds a route. Returns false if the interface has it already. */
  async #add(destination: string): Promise<boolean> {
    if (this.#isClosed) throw relayClosed()
    const route = { destination, link: this.#ifIndex }
    const isNew = !this.#added.has(destination)
    this.#added.add(destination)
    try {
      await this.#netlink.routes.add({ ...route, protocol: 'static' })
      return true
    } catch (error) {
      if (isNew) this.#added.delete(destination)
      if (codeOf(error) !== 'ERR_TUN_EXISTS') throw error
      const [state] = await this.#netlink.routes.find([route])
      if (state?.same) return false
      throw error
    }
  }

  /** Deletes a route. Returns false if it is not one of the relay. */
  async #delete(destination: string): Promise<boolean> {
    const isAdded = this.#added.delete(destination)
    if (this.#before.has(destination)) return false
    try {
      const family = destination.includes(':') ? { metric: IPV6_METRIC } : {}
      const route = { destination, link: this.#ifIndex, protocol: 'static', ...family } as const
      await this.#netlink.routes.delete(route)
      return true
    } catch (error) {
      if (codeOf(error) === 'ERR_TUN_NOT_FOUND') return false
      if (isAdded) this.#added.add(destination)
      throw error
    }
  }

  /** Ends without deleting a route: another process has the interface now. */
  async release(): Promise<void> {
    this.#isClosed = true
    this.#added.clear()
    await this.#netlink.close()
  }

  /** Refuses a route that would be the best one to an endpoint: datagrams would go into the tunnel. */
  async #refuseLoops(routes: readonly string[], peers: readonly NativePeer[]): Promise<void> {
    if (this.#options.isElsewhere) return
    const list = new BlockList()
    for (const route of routes) {
      const [address = '', length] = route.split('/')
      list.addSubnet(address, Number(length), familyOf(address))
    }
    const endpoints = peers.flatMap(({ endpoint, alternatives = [] }) => [
      endpoint,
      ...alternatives,
    ])
    const hit = endpoints.filter(
      // A link-local address is reached through its own interface.
      ({ address }) => !address.includes('%') && list.check(address, familyOf(address)),
    )
    await Promise.all(hit.map(async ({ address }) => this.#refuseLoop(routes, address)))
  }

  async #refuseLoop(routes: readonly string[], address: string): Promise<void> {
    const { fwmark: mark } = this.#options
    const query = { fibMatch: true, ...(mark ? { mark } : {}) }
    const route = await this.#netlink.routes.get(address, query).catch(() => undefined)
    const length = route === undefined ? -1 : lengthOf(route.destination)
    const through = routes.find((one) => {
      const [network = ''] = one.split('/')
      if (familyOf(network) !== familyOf(address)) return false
      const only = new BlockList()
      only.addSubnet(network, lengthOf(one), familyOf(network))
      return only.check(address, familyOf(address)) && lengthOf(one) >= length
    })
    if (through === undefined) return
    const advice =
      'use a network without the peer, put the interface into another namespace (--netns), or first give the peer a longer route of its own'
    throw new TunError(
      `add the route ${through}: the datagrams to the peer ${address} would be sent into the tunnel; ${advice}`,
      { code: 'ERR_TUN_ROUTE_LOOP', subject: through, advice },
    )
  }
}

/** Returns the networks of the peers, for the routes at the start. */
export function prefixesOf(peers: readonly CheckedPeer[]): string[] {
  return peers.flatMap(({ allowedPrefixes = [] }) => [...allowedPrefixes])
}

/** Returns the routes to the networks of the peers: a default route is two halves, so that an existing one stays. */
function routesOf(peers: readonly CheckedPeer[]): Set<string> {
  return new Set(prefixesOf(peers).flatMap((prefix) => HALVES[prefix] ?? [prefix]))
}

function difference(all: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...all].filter((one) => !others.has(one))
}

async function routesThrough(
  netlink: Netlink,
  name: string | undefined,
): Promise<ReadonlySet<string>> {
  if (name === undefined || name.includes('%')) return new Set()
  try {
    const routes = await netlink.routes.list({ link: name })
    return new Set(routes.map(({ destination }) => destination))
  } catch (error) {
    if (codeOf(error) === 'ERR_TUN_NOT_FOUND') return new Set()
    throw error
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}

function lengthOf(network: string): number {
  return network === 'default' ? 0 : Number(network.split('/')[1])
}

/** Adds the advice to a missing privilege: the program may have dropped it with `--user`. */
function explained(error: unknown): unknown {
  if (!(error instanceof TunError) || error.code !== 'ERR_TUN_PERMISSION') return error
  const advice =
    'a process that has dropped its privileges cannot change the routes of peers: give `routes` as a list of networks that contains them all'
  const { code, subject = '' } = error
  return new TunError(`${error.message}; ${advice}`, { code, subject, advice }, { cause: error })
}
