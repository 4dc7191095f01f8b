import type { NativeNetlink } from '#binding'
import { isIPv6 } from 'node:net'
import {
  type Check,
  type Fields,
  checkFields,
  checkIdentity,
  family,
  flag,
  integer,
  ipAddress,
  linkRef,
  list,
  named,
  nested,
  text,
  u32,
} from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'
import { formatAddress, parseRoute } from '../check/address.ts'
import { checkMany } from '../check/list.ts'
import { readTable, streamTable } from './dump.ts'
import { PREFERENCES, PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES } from './names.ts'
import { otherAttributes } from './otherAttributes.ts'
import type { Operation, Pipeline } from './pipeline.ts'
import type { NextHop, Route, RouteFilter, RouteQuery, RouteSpec } from './routeTypes.ts'

const METRIC_NAMES = [
  'mtu',
  'window',
  'rttMs',
  'rttVarianceMs',
  'slowStartThreshold',
  'congestionWindow',
  'advmss',
  'reordering',
  'hopLimit',
  'initialCongestionWindow',
  'initialReceiveWindow',
  'minimumRtoMs',
  'quickAck',
] as const

const metricName: Check = (what, value) => {
  if ((METRIC_NAMES as readonly unknown[]).includes(value)) return value
  throw invalidArgument(what, value, `one of ${METRIC_NAMES.join(', ')}`)
}

const METRICS: Fields = {
  ...Object.fromEntries(METRIC_NAMES.map((name) => [name, u32])),
  locked: list(metricName),
  otherAttributes,
}

type Checked = Record<string, unknown>

/**
 * Converts a listed route or next hop into the form of a request: the index into the link, and the flags into those
 * that a request can set. The other flags are states, such as `linkDown`.
 */
function asRequested({ ifIndex, flags, ...rest }: Checked): Checked {
  if (ifIndex !== undefined && rest['link'] !== undefined && rest['link'] !== ifIndex) {
    throw invalidArgument(
      'link',
      rest['link'],
      'that of ifIndex; leave ifIndex out to name another',
    )
  }
  const isPervasive = (flags as string[] | undefined)?.includes('pervasive') ?? false
  return {
    ...rest,
    ...(ifIndex === undefined ? {} : { link: ifIndex }),
    ...(isPervasive ? { pervasive: true } : {}),
  }
}

const NEXT_HOP: Fields = {
  gateway: ipAddress(),
  link: linkRef,
  ifIndex: linkRef,
  weight: integer(1, 256),
  onLink: flag,
  flags: list(text(1, 32)),
  otherAttributes,
}

const nextHop: Check = (what, value) => asRequested(nested(NEXT_HOP)(what, value))

const network: Check = (_, value) => formatAddress(parseRoute(value as string))

const SPEC: Fields = {
  destination: (what, value) => (value === 'default' ? value : network(what, value)),
  family,
  from: network,
  type: named(ROUTE_TYPES, 255),
  table: named(TABLES, 4_294_967_295),
  protocol: named(PROTOCOLS, 255),
  scope: named(SCOPES, 255),
  tos: integer(0, 255),
  gateway: ipAddress(),
  link: linkRef,
  preferredSource: ipAddress(),
  metric: u32,
  metrics: nested(METRICS),
  ifIndex: linkRef,
  nextHops: list(nextHop),
  nextHopId: u32,
  preference: named(PREFERENCES, 255),
  expiresSeconds: u32,
  onLink: flag,
  flags: list(text(1, 32)),
  otherAttributes,
}

const FILTER: Fields = {
  family,
  table: (what, value) =>
    value === 'all' ? value : named([...TABLES, 'all'], 4_294_967_295)(what, value),
  protocol: named(PROTOCOLS, 255),
  type: named(ROUTE_TYPES, 255),
  link: linkRef,
}

const QUERY: Fields = {
  from: ipAddress(),
  link: linkRef,
  inputLink: linkRef,
  mark: u32,
  fibMatch: flag,
}

/** The routes in a table that match a wanted route (crate/core/src/netlink/route/state.rs). */
export interface RouteState {
  /** The key by which the kernel identifies the wanted route. */
  readonly key: string
  /** The route that has all wanted properties. */
  readonly same?: Route
  /** A route with the same key but without all wanted properties. */
  readonly conflict?: Route
}

/** Routes: `ip route`. */
export class Routes {
  readonly #native: NativeNetlink
  readonly #pipeline: Pipeline

  /** @internal */
  constructor(native: NativeNetlink, pipeline: Pipeline) {
    this.#native = native
    this.#pipeline = pipeline
  }

  /**
   * Returns all matching routes, by default of the main table. Reads them again if they changed during the read.
   *
   * @throws {TunError} `ERR_TUN_INTERRUPTED` if they changed in every attempt.
   */
  async list(filter: RouteFilter = {}): Promise<Route[]> {
    return readTable(this.#native, tableQuery(filter))
  }

  /**
   * Returns all matching routes as a stream, without holding all of them in memory.
   *
   * The iterator ends with `ERR_TUN_INTERRUPTED` if the routes changed during the read.
   */
  stream(filter: RouteFilter = {}): AsyncGenerator<Route, void, undefined> {
    return streamTable(this.#native, tableQuery(filter))
  }

  /**
   * Returns the route of a packet to an address.
   *
   * @throws {TunError} `ERR_TUN_UNREACHABLE` if there is no route.
   */
  async get(destination: string, query: RouteQuery = {}): Promise<Route> {
    const checked = checkFields('query', query, QUERY)
    ipAddress()('destination', destination)
    const operation = { op: 'getRoute', query: { ...checked, destination } }
    return (await this.#pipeline.submit(operation)) as Route
  }

  /** @internal Looks up wanted routes, each in its table; every table is read once. */
  async find(routes: readonly RouteSpec[]): Promise<RouteState[]> {
    const operations = routes.map((route) => toOperation('findRoute', route))
    const states = operations.map(async (operation) => this.#pipeline.submit(operation))
    return (await Promise.all(states)) as RouteState[]
  }

  /**
   * Adds a route.
   *
   * @throws {TunError} `ERR_TUN_EXISTS` if there is already a route to the same network with the same metric.
   */
  async add(route: RouteSpec): Promise<void> {
    await this.#pipeline.submit(toOperation('addRoute', route))
  }

  /**
   * Adds many routes, in their order. If some fail, the others are still added.
   *
   * @throws {TunError} the error of the first route that failed.
   */
  async addMany(routes: readonly RouteSpec[]): Promise<void> {
    // All are checked before the first is added.
    const given = checkMany('routes', routes)
    await this.#pipeline.submitAll(
      given.map((route) => toOperation('addRoute', route as RouteSpec)),
    )
  }

  /**
   * Adds a route, or replaces the first one to the same network with the same metric (and type of service). The new
   * route has exactly the given properties.
   *
   * A route as `list()` returned it, with properties changed, keeps its other properties, including those in
   * `otherAttributes`.
   */
  async replace(route: RouteSpec): Promise<void> {
    await this.#pipeline.submit(toOperation('replaceRoute', route))
  }

  /** Adds a route after those to the same network. IPv6 routes are merged into one with several next hops. */
  async append(route: RouteSpec): Promise<void> {
    await this.#pipeline.submit(toOperation('appendRoute', route))
  }

  /**
   * Deletes the one route of a table that has all given properties. A property whose value is `undefined` is
   * refused; a route as `list()` returned it is accepted. If an IPv6 route has several next hops, `gateway` or
   * `link` deletes one of them.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if several routes match.
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if no route matches.
   */
  async delete(route: RouteSpec): Promise<void> {
    await this.#pipeline.submit(toOperation('deleteRoute', route))
  }
}

function tableQuery(filter: RouteFilter): { table: string; filter: Record<string, unknown> } {
  const { table = 'main', ...rest } = checkFields('filter', filter, FILTER)
  return { table: 'routes', filter: table === 'all' ? rest : { ...rest, table } }
}

/** Checks a route to add. */
export function checkRoute(route: RouteSpec): void {
  toOperation('addRoute', route)
}

function toOperation(op: string, route: RouteSpec): Operation {
  const check = op === 'deleteRoute' ? checkIdentity : checkFields
  const { family: version, ...spec } = asRequested(check('route', route, SPEC))
  if (spec['destination'] === undefined) {
    throw invalidArgument('destination', undefined, 'NETWORK[/PREFIX] or "default"')
  }
  if (spec['destination'] === 'default') {
    const { gateway, nextHops = [] } = spec as { gateway?: string; nextHops?: NextHop[] }
    const gateways = [gateway, ...nextHops.map((hop) => hop.gateway)]
    const isV6 = gateways.some((one) => one !== undefined && isIPv6(one))
    spec['destination'] = (version ?? (isV6 ? 6 : 4)) === 6 ? '::/0' : '0.0.0.0/0'
  }
  return { op, spec }
}
