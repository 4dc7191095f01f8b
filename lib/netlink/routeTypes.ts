import type { Scope } from './addresses.ts'
import type { LinkRef } from './linkTypes.ts'
import type { OtherAttribute } from './otherAttributes.ts'
import type { Named, PREFERENCES, PROTOCOLS, ROUTE_TYPES, TABLES } from './names.ts'

/** A routing table, by its name or number. */
export type RoutingTable = Named<typeof TABLES>

/** The origin of a route or rule, by its name in ip(8) or by its number. */
export type RouteProtocol = Named<typeof PROTOCOLS>

/** How a route handles a packet. */
export type RouteType = Named<typeof ROUTE_TYPES>

/** The preference among several routers (RFC 4191). */
export type RoutePreference = Named<typeof PREFERENCES>

/** Metrics of a route. The kernel chooses omitted ones. */
export interface RouteMetrics {
  /** MTU in bytes. */
  mtu?: number
  /** Maximum receive window announced to the peer of a TCP connection, bytes. */
  window?: number
  /** Initial estimate of the round-trip time, milliseconds. */
  rttMs?: number
  /** Initial estimate of the variance of the round-trip time, milliseconds. */
  rttVarianceMs?: number
  /** Slow-start threshold, segments. */
  slowStartThreshold?: number
  /** Maximum congestion window, segments. */
  congestionWindow?: number
  /** Maximum segment size announced to the peer of a TCP connection, bytes. */
  advmss?: number
  /** Initial number of reordered segments that are not treated as loss. */
  reordering?: number
  /** Hop limit of outgoing packets. */
  hopLimit?: number
  /** Initial congestion window, segments. */
  initialCongestionWindow?: number
  /** Initial receive window, segments. */
  initialReceiveWindow?: number
  /** Minimum retransmission timeout, milliseconds. */
  minimumRtoMs?: number
  /** 1: acknowledge immediately. */
  quickAck?: number
  /** Names of the metrics that the kernel must not change by itself. */
  locked?: readonly Exclude<keyof RouteMetrics, 'locked' | 'otherAttributes'>[]
  /** Metrics that this package does not interpret, and those that are not a whole number of the unit above. */
  otherAttributes?: readonly OtherAttribute[]
}

/** One of several next hops. */
export interface NextHop {
  /** Its address. */
  readonly gateway?: string
  /** Index of its link. */
  readonly ifIndex?: number
  /** Its share of the packets relative to the others, 1 to 256. */
  readonly weight: number
  /** `dead`, `linkDown`, `offload`, … (`RTNH_F_*`) */
  readonly flags?: readonly string[]
  /** The gateway is directly reachable on the link, even if no address of the link covers it. */
  readonly onLink: boolean
  /** Attributes that this package does not interpret: an encapsulation, for example. */
  readonly otherAttributes?: readonly OtherAttribute[]
}

/** A route, as the kernel describes it. */
export interface Route {
  readonly family: 4 | 6
  /** The destination network, `NETWORK/PREFIX`; the default route has prefix 0. */
  readonly destination: string
  /** Applies only to packets from this network; IPv6 only. */
  readonly from?: string
  readonly type: RouteType
  readonly table: RoutingTable
  readonly protocol: RouteProtocol
  readonly scope: Scope
  /** Applies only to packets with this type of service. */
  readonly tos?: number
  /** Address of the next hop; it may be of the other family. */
  readonly gateway?: string
  /** Index of the outgoing link. */
  readonly ifIndex?: number
  /** Index of the incoming link; only in the result of a look-up. */
  readonly inputIfIndex?: number
  /** Source address of packets that this machine originates. */
  readonly preferredSource?: string
  /** Of several routes to a network, the kernel uses the one with the lowest metric. */
  readonly metric?: number
  readonly metrics?: Readonly<RouteMetrics>
  /** Several next hops. */
  readonly nextHops?: readonly NextHop[]
  /** The number of a next-hop object. */
  readonly nextHopId?: number
  /** Preference among several routers; IPv6 only. */
  readonly preference?: RoutePreference
  /** Time until it expires, seconds; IPv6 only. */
  readonly expiresSeconds?: number
  /** `dead`, `linkDown`, `offload`, … (`RTNH_F_*`) */
  readonly flags?: readonly string[]
  /** The gateway is directly reachable on the link, even if no address of the link covers it. */
  readonly onLink: boolean
  /** Attributes that this package does not interpret: an encapsulation, for example. */
  readonly otherAttributes?: readonly OtherAttribute[]
}

/** A next hop of a route to add. */
export interface NextHopSpec {
  gateway?: string
  link?: LinkRef
  /** Its share of the packets relative to the others, 1 to 256. Default: 1. */
  weight?: number
  onLink?: boolean
  /** Index of its link, as listed; an alternative to `link`. */
  ifIndex?: number
  /** Flags as listed. State flags of a next hop, such as `linkDown`, have no effect. */
  flags?: readonly string[]
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
}

/**
 * A route to add, or the properties that identify the route to delete. Omitted properties default as in `ip route`.
 * A listed route is accepted.
 */
export interface RouteSpec {
  /**
   * `NETWORK/PREFIX`, a single address, or `default`. The default route has the family of `family` or of the
   * gateway.
   */
  destination: string
  /** Family of a default route without a gateway. Default: 4. */
  family?: 4 | 6
  /** Applies only to packets from this network, `NETWORK/PREFIX`; IPv6 only. */
  from?: string
  /** Default: `unicast`. */
  type?: RouteType
  /** Default: `main`. */
  table?: RoutingTable
  /** Default: `boot`. */
  protocol?: RouteProtocol
  /** Default: determined by the type and the gateway. */
  scope?: Scope
  /** Type of service; IPv4 only. */
  tos?: number
  /** Address of the next hop; that of an IPv4 route may be an IPv6 address. */
  gateway?: string
  /** The outgoing link. */
  link?: LinkRef
  /** Source address of packets that this machine originates. */
  preferredSource?: string
  metric?: number
  metrics?: RouteMetrics
  /** Several next hops. */
  nextHops?: readonly NextHopSpec[]
  /** The number of a next-hop object (ip-nexthop(8)), instead of a gateway, a link and next hops. */
  nextHopId?: number
  /** Preference among several routers; IPv6 only. */
  preference?: RoutePreference
  /** Time until it expires, seconds; IPv6 only. */
  expiresSeconds?: number
  /** The gateway is directly reachable on the link, even if no address of the link covers it. */
  onLink?: boolean
  /** Index of the outgoing link, as listed; an alternative to `link`. */
  ifIndex?: number
  /** Flags as listed. State flags of a route, such as `linkDown`, have no effect. */
  flags?: readonly string[]
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
}

/** Selects routes. Omitted properties match everything, unless they have a default. */
export interface RouteFilter {
  family?: 4 | 6
  /** Default: `main`. */
  table?: RoutingTable | 'all'
  protocol?: RouteProtocol
  type?: RouteType
  /** Routes with this outgoing link. */
  link?: LinkRef
}

/** The properties of the packet whose route is looked up. */
export interface RouteQuery {
  /** Source address. */
  from?: string
  /** The outgoing link. */
  link?: LinkRef
  /** The incoming link. */
  inputLink?: LinkRef
  /** Firewall mark. */
  mark?: number
  /** Returns the matching route as listed in its table, instead of the resolved route of the packet. Default: no. */
  fibMatch?: boolean
}
