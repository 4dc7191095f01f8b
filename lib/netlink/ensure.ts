import ipaddr from 'ipaddr.js'
import { type Check, checkFields, flag, linkRef, list } from '../check/fields.ts'
import { formatAddress, parseAddress } from '../check/address.ts'
import type { Address, Addresses } from './addresses.ts'
import { ensureRoutes, wantedRoute } from './ensureRoutes.ts'
import { LINK_SETTINGS } from './linkFields.ts'
import type { Link, LinkRef } from './linkTypes.ts'
import type { Links } from './links.ts'
import { type Change, Rollback, type Step, absentIfGone, isThere, unlessGone } from './rollback.ts'
import type { RouteSpec } from './routeTypes.ts'
import type { Routes } from './routes.ts'

/** The settings that a link should have. Settings, addresses and routes that are not given are not changed. */
export interface Desired {
  link: LinkRef
  up?: boolean
  /** MTU in bytes. */
  mtu?: number
  /** Addresses, each `ADDRESS[/PREFIX]`. */
  addresses?: readonly string[]
  /**
   * Networks to reach through the link, or routes. A route uses the link unless it has a `link`, `ifIndex`,
   * `nextHops` or `nextHopId`, or a type such as `blackhole`. Every given property is compared.
   */
  routes?: readonly (string | RouteSpec)[]
}

/** The result of {@link Netlink.ensure}. */
export interface Ensured {
  /** The changes in the order in which they were made; empty if all settings already matched. */
  readonly changes: readonly Change[]
  /**
   * Rolls the changes back, the last first, on this link only. Skips addresses and routes that no longer exist, an
   * MTU or state that changed since, and everything if another link has the index now. A change that cannot be
   * rolled back does not stop it; calling it again retries the remaining changes.
   *
   * @throws {RollbackError} some changes are still in place; it lists them.
   */
  undo: () => Promise<void>
}

interface Tables {
  links: Links
  addresses: Addresses
  routes: Routes
}

const addressText: Check<string> = (_, value) => formatAddress(parseAddress(value as string))

const FIELDS = {
  link: linkRef as Check<LinkRef>,
  up: flag,
  mtu: LINK_SETTINGS['mtu'] as Check<number>,
  addresses: list(addressText),
  routes: list(wantedRoute),
}

/** The last call in each namespace, keyed by the text that the session was opened with. */
const lasts = new Map<string, Promise<unknown>>()

/**
 * Runs the work of one namespace one after the other: concurrent calls would mistake the changes of others for
 * their own.
 */
async function inTurn<T>(namespace: string, work: () => Promise<T>): Promise<T> {
  const before = lasts.get(namespace) ?? Promise.resolve()
  const result = before.then(work)
  const settled = result.catch(() => undefined)
  lasts.set(namespace, settled)
  try {
    return await result
  } finally {
    if (lasts.get(namespace) === settled) lasts.delete(namespace)
  }
}

/**
 * Configures a link as described. If a step fails, the steps before it are rolled back.
 *
 * @param namespace the text that the session was opened with.
 */
export async function ensureLink(
  tables: Tables,
  namespace: string,
  desired: Desired,
): Promise<Ensured> {
  const checked = checkFields('desired', desired, FIELDS)
  const ref = FIELDS.link('link', checked.link)
  return inTurn(namespace, async () => {
    const link = await tables.links.get(ref)
    const rollback = new Rollback(link.name)
    try {
      for await (const step of changes(tables, link, checked)) {
        rollback.add(onSameLink(tables.links, link, step))
      }
    } catch (error) {
      throw await rollback.runAfter(error)
    }
    const undo = async () => inTurn(namespace, async () => rollback.run())
    return { changes: rollback.changes, undo }
  })
}

/** Returns the step with a rollback that does nothing if the link no longer exists or another one has its index. */
function onSameLink(links: Links, link: Link, { change, back }: Step): Step {
  return {
    change,
    back: async () => {
      const now = await links.get(link.ifIndex).catch(absentIfGone)
      if (now !== undefined && isSameLink(link, now)) await back()
    },
  }
}

/** Makes the changes in the order that the kernel requires: a route needs a link that is up and has its addresses. */
async function* changes(
  { links, addresses, routes }: Tables,
  link: Link,
  { mtu, up, addresses: wantedAddresses = [], routes: wantedRoutes = [] }: Partial<CheckedDesired>,
): AsyncGenerator<Step, void, undefined> {
  const { ifIndex } = link
  const now = async () => links.get(ifIndex)
  if (mtu !== undefined && mtu !== link.mtu) {
    await links.set(ifIndex, { mtu })
    const back = async () => {
      if ((await now()).mtu === mtu) await links.set(ifIndex, { mtu: link.mtu })
    }
    yield { change: { what: 'mtu', from: link.mtu, to: mtu }, back: orGone(back) }
  }
  yield* addAddresses(addresses, ifIndex, wantedAddresses)
  if (up !== undefined && up !== link.up) {
    await links.set(ifIndex, { up })
    const back = async () => {
      if ((await now()).up === up) await links.set(ifIndex, { up: link.up })
    }
    yield { change: { what: 'up', from: link.up, to: up }, back: orGone(back) }
  }
  if (wantedRoutes.length > 0) yield* ensureRoutes(routes, ifIndex, wantedRoutes)
}

interface CheckedDesired {
  mtu: number
  up: boolean
  addresses: readonly string[]
  routes: readonly RouteSpec[]
}

function orGone(back: () => Promise<void>): () => Promise<void> {
  return async () => unlessGone(back())
}

async function* addAddresses(
  addresses: Addresses,
  ifIndex: number,
  wanted: readonly string[],
): AsyncGenerator<Step, void, undefined> {
  if (wanted.length === 0) return
  const list = async () => {
    const all = await addresses.list({ link: ifIndex })
    // With a peer, the prefix is that of the peer's network, so it is a different address.
    const own = all.filter(({ address, peer }) => peer === undefined || peer === address)
    return new Set(own.map((one) => normal(cidr(one))))
  }
  let there = await list()
  for (const address of wanted) {
    if (there.has(normal(address))) continue
    try {
      await addresses.add(ifIndex, address)
    } catch (error) {
      if (!isThere(error)) throw error
      // Another caller may have just added it. That change does not belong to this call.
      there = await list()
      if (!there.has(normal(address))) throw error
      continue
    }
    there.add(normal(address))
    const back = async () => addresses.delete(ifIndex, address)
    yield { change: { what: 'address', added: address }, back: orGone(back) }
  }
}

function cidr({ address, prefixLength }: Address): string {
  return `${address}/${prefixLength}`
}

/** Returns an address with its prefix in canonical form, so that equal addresses are equal text. */
function normal(text: string): string {
  const [address = '', prefix = ''] = text.split('/')
  return `${ipaddr.parse(address).toString()}/${prefix}`
}

/** Kinds whose links share the hardware address of the lower link, so it does not identify them. */
const SHARED_MAC_KINDS = ['vlan', 'ipvlan', 'ipvtap']

/**
 * Returns whether `now`, which has the index of `link`, is the same link. The kernel has no permanent identity for
 * links: the kind must match, and either the name or the hardware address.
 */
function isSameLink(link: Link, now: Link): boolean {
  if (now.kind !== link.kind) return false
  if (now.name === link.name) return true
  const hasOwnMac = link.macAddress !== undefined && !SHARED_MAC_KINDS.includes(link.kind ?? '')
  return hasOwnMac && now.macAddress === link.macAddress
}
