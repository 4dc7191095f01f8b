import ipaddr from 'ipaddr.js'
import { type Check, checkFields, flag, linkRef, list } from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'
import { formatAddress, parseAddress } from '../check/address.ts'
import type { Address, Addresses } from './addresses.ts'
import type { Link, LinkRef } from './linkTypes.ts'
import type { Links } from './links.ts'
import type { Route, RouteSpec } from './routeTypes.ts'
import type { Routes } from './routes.ts'

/** How a link is to be. What is absent stays; what is there beyond it stays, too. */
export interface Desired {
  link: LinkRef
  up?: boolean
  /** Bytes. */
  mtu?: number
  /** `ADDRESS[/PREFIX]` */
  addresses?: readonly string[]
  /** Networks through the link, or routes by it: `link` is the one above unless it says else. */
  routes?: readonly (string | RouteSpec)[]
}

/** Something that was changed. */
export type Change =
  | { readonly what: 'mtu'; readonly from: number; readonly to: number }
  | { readonly what: 'up'; readonly from: boolean; readonly to: boolean }
  | { readonly what: 'address'; readonly added: string }
  | { readonly what: 'route'; readonly added: RouteSpec }

/** What {@link Netlink.ensure} did. */
export interface Ensured {
  /** What was changed, in its order; empty: all was as it should be. */
  readonly changes: readonly Change[]
  /**
   * Rolls the changes back, the last first, on this link only. Skipped: addresses and routes that are gone, an
   * MTU or state that was changed since, and everything if another link has the index now.
   */
  undo: () => Promise<void>
}

interface Tables {
  links: Links
  addresses: Addresses
  routes: Routes
}

interface Step {
  change: Change
  /** Rolls the change back on the link, if it is still as it was set. */
  back: (now: Link) => Promise<void>
}

const routeOrNetwork: Check = (what, value) => {
  if (typeof value === 'string') return { destination: value }
  if (typeof value === 'object' && value !== null) return value
  throw invalidArgument(what, value, 'NETWORK[/PREFIX], or a route')
}

const addressText: Check = (_, value) => formatAddress(parseAddress(value as string))
/** Checked by what sets it. */
const asGiven: Check = (_, value) => value

const FIELDS = {
  link: linkRef,
  up: flag,
  mtu: asGiven,
  addresses: list(addressText),
  routes: list(routeOrNetwork),
}

/** Makes a link as it should be. If a step fails, those before it are taken back. */
export async function ensureLink(tables: Tables, desired: Desired): Promise<Ensured> {
  const checked = checkFields('desired', desired, FIELDS) as unknown as Desired
  const link = await tables.links.get(linkRef('link', checked.link) as LinkRef)
  const steps: Step[] = []
  const undo = async () => {
    for (const { back } of steps.splice(0).reverse()) {
      // Before each step: the link may have been moved or deleted, and another have its index.
      const now = await tables.links.get(link.ifIndex).catch(absentIfGone)
      if (now !== undefined && isSameLink(link, now)) await back(now)
    }
  }
  try {
    for await (const step of makeSo(tables, link, checked)) steps.push(step)
  } catch (error) {
    await undo().catch(() => undefined)
    throw error
  }
  return { changes: steps.map(({ change }) => change), undo }
}

/** In the order in which the kernel wants them: a route needs its link up and its addresses there. */
async function* makeSo(
  tables: Tables,
  link: Link,
  desired: Desired,
): AsyncGenerator<Step, void, undefined> {
  const { ifIndex } = link
  const { mtu, up } = desired
  if (mtu !== undefined && mtu !== link.mtu) {
    await tables.links.set(ifIndex, { mtu })
    const back = async (now: Link) => {
      if (now.mtu === mtu) await unlessGone(tables.links.set(ifIndex, { mtu: link.mtu }))
    }
    yield { change: { what: 'mtu', from: link.mtu, to: mtu }, back }
  }
  yield* addAddresses(tables, ifIndex, desired.addresses ?? [])
  if (up !== undefined && up !== link.up) {
    await tables.links.set(ifIndex, { up })
    const back = async (now: Link) => {
      if (now.up === up) await unlessGone(tables.links.set(ifIndex, { up: link.up }))
    }
    yield { change: { what: 'up', from: link.up, to: up }, back }
  }
  yield* addRoutes(tables, ifIndex, (desired.routes ?? []) as readonly RouteSpec[])
}

async function* addAddresses(
  { addresses }: Tables,
  ifIndex: number,
  wanted: readonly string[],
): AsyncGenerator<Step, void, undefined> {
  if (wanted.length === 0) return
  const cidr = ({ address, prefixLength }: Address) => normal(`${address}/${prefixLength}`)
  const there = new Set((await addresses.list({ link: ifIndex })).map(cidr))
  for (const address of wanted) {
    if (there.has(normal(address))) continue
    await addresses.add(ifIndex, address)
    there.add(normal(address))
    const back = async () => unlessGone(addresses.delete(ifIndex, address))
    yield { change: { what: 'address', added: address }, back }
  }
}

async function* addRoutes(
  { routes }: Tables,
  ifIndex: number,
  wanted: readonly RouteSpec[],
): AsyncGenerator<Step, void, undefined> {
  for (const given of wanted) {
    const route = given.nextHops === undefined ? { link: ifIndex, ...given } : given
    const there = await routes.list({ table: route.table ?? 'main' })
    if (there.some((one) => isSame(one, route))) continue
    await routes.add(route)
    const back = async () => unlessGone(routes.delete(identityOf(route)))
    yield { change: { what: 'route', added: route }, back }
  }
}

/** Of a route that was added, what identifies it: not what the kernel may have adjusted. */
function identityOf(route: RouteSpec): RouteSpec {
  const adjusted = ['metrics', 'expiresSeconds', 'preference']
  const entries = Object.entries(route)
  const given = entries.filter(([name, value]) => value !== undefined && !adjusted.includes(name))
  return { metric: 0, ...(Object.fromEntries(given) as unknown as RouteSpec) }
}

/** Whether a route has all that is asked for. */
function isSame(route: Route, wanted: RouteSpec): boolean {
  const address = (text: string | undefined) => (text === undefined ? undefined : normal(text))
  const link = typeof wanted.link === 'number' ? wanted.link : undefined
  const pairs: [asked: unknown, found: unknown][] = [
    [address(wanted.gateway), route.gateway],
    [wanted.metric, route.metric],
    [address(wanted.preferredSource), route.preferredSource],
    [wanted.type, route.type],
    [wanted.protocol, route.protocol],
    [wanted.tos, route.tos],
    [link, route.ifIndex],
    [wanted.nextHops?.length ?? 0, route.nextHops?.length ?? 0],
  ]
  const isAlike = pairs.every(([asked, found]) => asked === undefined || asked === found)
  // Without a gateway is through the link itself.
  const isThroughLink = wanted.gateway === undefined && route.gateway !== undefined
  return isAlike && !isThroughLink && isSameDestination(route, wanted)
}

function isSameDestination(route: Route, { destination, gateway, family }: RouteSpec): boolean {
  if (destination !== 'default') return normal(route.destination) === normal(destination, true)
  const asked = family ?? (gateway?.includes(':') === true ? 6 : 4)
  return route.destination.endsWith('/0') && route.family === asked
}

/** An address, or a network if it has a prefix or is to have one, so that those that are the same are alike. */
function normal(text: string, isNetwork = text.includes('/')): string {
  const [address = '', prefix] = text.split('/')
  const parsed = ipaddr.parse(address)
  const length = prefix ?? (parsed.kind() === 'ipv4' ? '32' : '128')
  return isNetwork ? `${parsed.toString()}/${length}` : parsed.toString()
}

/** Kinds whose links have the hardware address of the link below, so that it identifies none of them. */
const SHARED_MAC_KINDS = ['vlan', 'ipvlan', 'ipvtap']

/**
 * Whether a link that has the index of `link` is that link. The kernel has no lasting identity of links:
 * it must be of the same kind, and have the same name or the same hardware address.
 */
function isSameLink(link: Link, now: Link): boolean {
  if (now.kind !== link.kind) return false
  if (now.name === link.name) return true
  const hasOwnMac = link.macAddress !== undefined && !SHARED_MAC_KINDS.includes(link.kind ?? '')
  return hasOwnMac && now.macAddress === link.macAddress
}

async function unlessGone(promise: Promise<void>): Promise<void> {
  await promise.catch(absentIfGone)
}

/** Takes an error for "it is not there" if it says so; throws any other. */
function absentIfGone(error: unknown): undefined {
  const gone = ['ERR_TUN_NOT_FOUND', 'ERR_TUN_ADDRESS_NOT_AVAILABLE']
  if (!(error instanceof Error && 'code' in error && gone.includes(String(error.code)))) throw error
  return undefined
}
