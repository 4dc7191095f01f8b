import { abortSignal } from '../../check/abort.ts'
import { formatAddress, parseAddress } from '../../check/address.ts'
import {
  type Check,
  type Checked,
  checkFields,
  flag,
  ipAddress,
  list,
  nested,
} from '../../check/fields.ts'
import { checkMtu, checkName } from '../../check/interface.ts'
import { formatMac, parseMac } from '../../check/mac.ts'
import { invalidArgument } from '../../errors.ts'
import type { RouteSpec } from '../../netlink/routeTypes.ts'

/** A host of a {@link TestNetwork}. */
export interface TestHostOptions {
  /** Whether it forwards packets of both IP versions between its links. Default: false. */
  router?: boolean | undefined
  /** Addresses of the routers of its default routes, one per IP version. Default: none. */
  gateway?: string | readonly string[] | undefined
  /** Further routes, which are added last. Default: none. */
  routes?: readonly RouteSpec[] | undefined
}

/** The interface of a host on a link of a {@link TestNetwork}. */
export interface TestLinkEnd {
  /** Addresses `ADDRESS[/PREFIX]` of the interface. Default: none but the link-local one. */
  addresses?: readonly string[] | undefined
  /** Name of the interface. Default: `eth0` for the first link of the host, `eth1` for the second, and so on. */
  name?: string | undefined
  /** MAC address of the interface. Default: the kernel chooses. */
  macAddress?: string | undefined
}

/** A link of a {@link TestNetwork}: a cable between two hosts, or a switch that joins any number of them. */
export interface TestLinkOptions {
  /** The hosts that it joins, by name; each has an address, a list of addresses, or more. */
  ends: Readonly<Record<string, string | readonly string[] | TestLinkEnd>>
  /** MTU of all its interfaces, bytes. Default: 1500. */
  mtu?: number | undefined
  /** Whether it is a switch. Default: true for three or more hosts. */
  switch?: boolean | undefined
}

/** The options of {@link testNetwork}. */
export interface TestNetworkOptions<H extends string = string> {
  /** The hosts, by name. A name begins with a letter and has letters, digits, `-` and `_`, at most 32. */
  hosts: Readonly<Record<H, TestHostOptions>>
  /** Default: none. */
  links?: readonly TestLinkOptions[] | undefined
  /**
   * If aborted while the network is built, everything is removed and the promise rejects with the signal's reason. If
   * aborted later, the network is closed as by `close()`.
   */
  signal?: AbortSignal | undefined
}

/** A host, checked. */
export interface HostPlan {
  readonly router: boolean
  readonly routes: readonly RouteSpec[]
}

/** One end of a link, checked. */
export interface EndPlan {
  readonly host: string
  readonly name: string
  readonly addresses: readonly string[]
  readonly macAddress?: string
}

/** A link, checked. */
export interface LinkPlan {
  readonly ends: readonly EndPlan[]
  readonly isSwitch: boolean
  readonly mtu?: number
}

/** A network, checked. */
export interface NetworkPlan {
  readonly hosts: ReadonlyMap<string, HostPlan>
  readonly links: readonly LinkPlan[]
  readonly signal: AbortSignal | undefined
}

const HOSTS_MAX = 256
const NAME = /^[a-z][\w-]{0,31}$/iu

const cidr: Check<string> = (_, value) => formatAddress(parseAddress(value as string))
const asGiven: Check = (_, value) => value
const mac: Check<string> = (what, value) => formatMac(parseMac(value, what))
const mtu: Check<number> = (_, value) => checkMtu(value)

const interfaceName: Check<string> = (what, value) => {
  const name = checkName(value)
  if (!name.includes('%')) return name
  throw invalidArgument(what, value, 'a name without "%"', { code: 'ERR_TUN_INVALID_NAME' })
}

const gateways: Check<string[]> = (what, value) => {
  const given = Array.isArray(value) ? value : [value]
  return list(ipAddress() as Check<string>)(what, given)
}

const HOST = { router: flag, gateway: gateways, routes: list(asGiven) }
const END = { addresses: list(cidr), name: interfaceName, macAddress: mac }

const end: Check<Checked<typeof END>> = (what, value) => {
  if (typeof value === 'string') return { addresses: [cidr(what, value)] }
  if (Array.isArray(value)) return { addresses: list(cidr)(what, value) }
  return nested(END)(what, value)
}

/** An object whose properties have names of hosts. */
function byHost<T>(check: Check<T>, fewest: number): Check<Map<string, T>> {
  return (what, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalidArgument(what, value, 'an object with a property per host')
    const entries = Object.entries(value as Record<string, unknown>)
    if (entries.length < fewest || entries.length > HOSTS_MAX)
      throw invalidArgument(what, entries.length, `${fewest} to ${HOSTS_MAX} hosts`)
    return new Map(entries.map(([name, each]) => [hostName(name), check(name, each)]))
  }
}

function hostName(name: string): string {
  if (NAME.test(name)) return name
  const expected = 'a letter, then letters, digits, "-" and "_", at most 32 in all'
  throw invalidArgument('name of a host', name, expected, { code: 'ERR_TUN_INVALID_NAME' })
}

const LINK = { ends: byHost(end, 2), mtu, switch: flag }
const NETWORK = { hosts: byHost(nested(HOST), 1), links: list(nested(LINK)), signal: abortSignal }

/**
 * Checks the description of a network.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`
 */
export function checkNetwork(options: unknown): NetworkPlan {
  const { hosts, links = [], signal } = checkFields('options', options, NETWORK)
  if (!hosts) throw invalidArgument('hosts', undefined, 'an object with a property per host')
  const namesOfHost = new Map([...hosts.keys()].map((host) => [host, new Set<string>()]))
  const plans = links.map((link) => planLink(link, namesOfHost))
  const hostPlans = [...hosts].map(([name, host]): [string, HostPlan] => [name, planHost(host)])
  return { hosts: new Map(hostPlans), links: plans, signal }
}

function planHost({ router = false, gateway = [], routes = [] }: Checked<typeof HOST>): HostPlan {
  const defaults = gateway.map((address) => ({ destination: 'default', gateway: address }))
  return { router, routes: [...defaults, ...(routes as RouteSpec[])] }
}

/** Gives each end its name; no host has two interfaces of the same name. */
function planLink(
  link: Checked<typeof LINK>,
  namesOfHost: ReadonlyMap<string, Set<string>>,
): LinkPlan {
  if (!link.ends) throw invalidArgument('ends', undefined, 'an object with a property per host')
  const ends = [...link.ends].map(([host, { addresses = [], name, macAddress }]): EndPlan => {
    const names = namesOfHost.get(host)
    if (!names) {
      throw invalidArgument('end', host, `one of the hosts ${[...namesOfHost.keys()].join(', ')}`)
    }
    const chosen = name ?? `eth${names.size}`
    if (names.has(chosen) || chosen === 'lo')
      throw invalidArgument('name', chosen, `a name that no other interface of ${host} has`)
    names.add(chosen)
    return { host, name: chosen, addresses, ...(macAddress === undefined ? {} : { macAddress }) }
  })
  const isSwitch = link.switch ?? ends.length > 2
  if (!isSwitch && ends.length > 2)
    throw invalidArgument('switch', false, 'true, because a cable has two ends')
  return { ends, isSwitch, ...(link.mtu === undefined ? {} : { mtu: link.mtu }) }
}
