import type { Scope } from './addresses.ts'
import type { LinkRef } from './linkTypes.ts'
import type { OtherAttribute } from './otherAttributes.ts'
import type { Named, PREFERENCES, PROTOCOLS, ROUTE_TYPES, TABLES } from './names.ts'

/** A routing table, by its name or number. */
export type RoutingTable = Named<typeof TABLES>

/** Who made a route or rule, by its name in ip(8) or by its number. */
export type RouteProtocol = Named<typeof PROTOCOLS>

/** What a route does with a packet. */
export type RouteType = Named<typeof ROUTE_TYPES>

/** Which of several routers is preferred (RFC 4191). */
export type RoutePreference = Named<typeof PREFERENCES>

/** Properties of a way; what is absent is for the kernel to choose. */
export interface RouteMetrics {
  /** Largest packet, bytes. */
  mtu?: number
  /** Window that is announced to the other end of TCP connections at most, bytes. */
  window?: number
  /** First guess at the round-trip time. */
  rttMs?: number
  /** First guess at its variance. */
  rttVarianceMs?: number
  /** Threshold of slow start, segments. */
  slowStartThreshold?: number
  /** Congestion window at most, segments. */
  congestionWindow?: number
  /** Segment size that is announced to the other end of TCP connections, bytes. */
  advmss?: number
  /** How many segments out of order are not taken as loss at first. */
  reordering?: number
  /** Hop limit of outgoing packets. */
  hopLimit?: number
  /** Congestion window of new connections, segments. */
  initialCongestionWindow?: number
  /** Receive window of new connections, segments. */
  initialReceiveWindow?: number
  /** Retransmission timeout at least. */
  minimumRtoMs?: number
  /** Acknowledge at once: 1. */
  quickAck?: number
  /** Names of those that the kernel may not change by itself. */
  locked?: readonly Exclude<keyof RouteMetrics, 'locked' | 'otherAttributes'>[]
  /** Metrics that this package does not interpret, and those that are no whole number of the unit above. */
  otherAttributes?: readonly OtherAttribute[]
}

/** One of several next hops. */
export interface NextHop {
  /** Its address. */
  readonly gateway?: string
  /** Index of the link. */
  readonly ifIndex?: number
  /** Its part of the packets relative to the others, 1 to 256. */
  readonly weight: number
  /** `dead`, `linkDown`, `offload`, … (`RTNH_F_*`) */
  readonly flags?: readonly string[]
  /** The gateway is on the link, whatever the addresses say. */
  readonly onLink: boolean
  /** Attributes that this package does not interpret: an encapsulation, for example. */
  readonly otherAttributes?: readonly OtherAttribute[]
}

/** A route, as the kernel describes it. */
export interface Route {
  readonly family: 4 | 6
  /** The network that it leads to: `NETWORK/PREFIX`; the default route has prefix 0. */
  readonly destination: string
  /** Only packets from this network; of IPv6. */
  readonly from?: string
  readonly type: RouteType
  readonly table: RoutingTable
  readonly protocol: RouteProtocol
  readonly scope: Scope
  /** Only packets with this type of service. */
  readonly tos?: number
  /** The next hop, perhaps of the other family. */
  readonly gateway?: string
  /** Index of the link that packets leave by. */
  readonly ifIndex?: number
  /** Index of the link that they came in by; of a look-up. */
  readonly inputIfIndex?: number
  /** Source address for packets that this machine begins. */
  readonly preferredSource?: string
  /** The lowest of several routes to a network is taken. */
  readonly metric?: number
  readonly metrics?: Readonly<RouteMetrics>
  /** Several next hops. */
  readonly nextHops?: readonly NextHop[]
  /** The number of a next-hop object. */
  readonly nextHopId?: number
  /** Of IPv6. */
  readonly preference?: RoutePreference
  /** When it ends, from now on; of IPv6. */
  readonly expiresSeconds?: number
  /** `dead`, `linkDown`, `offload`, … (`RTNH_F_*`) */
  readonly flags?: readonly string[]
  /** The gateway is on the link, whatever the addresses say. */
  readonly onLink: boolean
  /** Attributes that this package does not interpret: an encapsulation, for example. */
  readonly otherAttributes?: readonly OtherAttribute[]
}

/** A next hop to make. */
export interface NextHopSpec {
  gateway?: string
  link?: LinkRef
  /** 1 to 256. Default: 1. */
  weight?: number
  onLink?: boolean
  /** The index of the link, as listed; the same as `link`. */
  ifIndex?: number
  /** As listed. States of a next hop, such as `linkDown`, have no effect. */
  flags?: readonly string[]
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
}

/**
 * A route to add, or the properties that identify the route to delete. Omitted properties default as in
 * `ip route`. A route as it was listed is accepted.
 */
export interface RouteSpec {
  /** `NETWORK/PREFIX`, an address alone, or `default`: of IPv6 if the gateway is, unless `family` says else. */
  destination: string
  /** Of a default route without a gateway. Default: 4. */
  family?: 4 | 6
  /** Only packets from this network, `NETWORK/PREFIX`; of IPv6. */
  from?: string
  /** Default: `unicast`. */
  type?: RouteType
  /** Default: `main`. */
  table?: RoutingTable
  /** Default: `boot`. */
  protocol?: RouteProtocol
  /** Default: what the type and the gateway make of it. */
  scope?: Scope
  /** Type of service; of IPv4. */
  tos?: number
  /** The next hop; of an IPv4 route it may be an IPv6 address. */
  gateway?: string
  /** The link that packets leave by. */
  link?: LinkRef
  /** Source address for packets that this machine begins. */
  preferredSource?: string
  metric?: number
  metrics?: RouteMetrics
  /** Several next hops. */
  nextHops?: readonly NextHopSpec[]
  /** The number of a next-hop object (ip-nexthop(8)), instead of a gateway, a link and next hops. */
  nextHopId?: number
  /** Of IPv6. */
  preference?: RoutePreference
  /** When it ends; of IPv6. */
  expiresSeconds?: number
  /** The gateway is on the link, whatever the addresses say. */
  onLink?: boolean
  /** The index of the link, as listed; the same as `link`. */
  ifIndex?: number
  /** As listed. States of a route, such as `linkDown`, have no effect. */
  flags?: readonly string[]
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
}

/** Which routes; what is absent does not matter. */
export interface RouteFilter {
  family?: 4 | 6
  /** Default: `main`. */
  table?: RoutingTable | 'all'
  protocol?: RouteProtocol
  type?: RouteType
  /** Those that leave by a link. */
  link?: LinkRef
}

/** Of a packet whose way is asked for. */
export interface RouteQuery {
  /** Where it comes from. */
  from?: string
  /** The link that it leaves by. */
  link?: LinkRef
  /** The link that it came in by. */
  inputLink?: LinkRef
  /** Its firewall mark. */
  mark?: number
  /** Answer the route as it stands in its table rather than what becomes of the packet. */
  fibMatch?: boolean
}
