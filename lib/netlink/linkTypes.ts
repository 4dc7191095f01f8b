import type {
  ADDRESS_GENERATION_MODES,
  LINK_TYPES,
  MACVLAN_MODES,
  Named,
  OPER_STATES,
  VLAN_PROTOCOLS,
} from './names.ts'

/** Identifies a link by its name, an alternative name, or its index. */
export type LinkRef = string | number

/** Counters of a link (`struct rtnl_link_stats64` of linux/if_link.h, which describes them), exact up to 2^53. */
export interface LinkStats {
  readonly rxPackets: number
  readonly txPackets: number
  readonly rxBytes: number
  readonly txBytes: number
  readonly rxErrors: number
  readonly txErrors: number
  readonly rxDropped: number
  readonly txDropped: number
  readonly multicast: number
  readonly collisions: number
  readonly rxLengthErrors: number
  readonly rxOverErrors: number
  readonly rxCrcErrors: number
  readonly rxFrameErrors: number
  readonly rxFifoErrors: number
  readonly rxMissedErrors: number
  readonly txAbortedErrors: number
  readonly txCarrierErrors: number
  readonly txFifoErrors: number
  readonly txHeartbeatErrors: number
  readonly txWindowErrors: number
  readonly rxCompressed: number
  readonly txCompressed: number
  readonly rxNoHandler: number
}

/** How the kernel generates IPv6 link-local addresses (`IN6_ADDR_GEN_MODE_*`). */
export type AddressGenerationMode = Named<typeof ADDRESS_GENERATION_MODES>

/** The operational state of a link by RFC 2863 (`IF_OPER_*`). */
export type OperState = Named<typeof OPER_STATES>

/** The hardware type of a link: `none` for a TUN device; a number is one of linux/if_arp.h (`ARPHRD_*`). */
export type LinkType = Named<typeof LINK_TYPES>

/** A device of the TUN/TAP driver. */
export interface TunData {
  /** `tun`: IP packets; `tap`: Ethernet frames. */
  readonly mode: 'tun' | 'tap'
  /** Number of the user who may attach to the device. */
  readonly owner?: number
  /** Number of the group whose members may attach to the device. */
  readonly group?: number
  /** Each packet starts with the driver's packet information header. */
  readonly packetInformation: boolean
  /** Each packet starts with a `struct virtio_net_hdr`. */
  readonly vnetHeader: boolean
  /** The device remains after its last queue is closed. */
  readonly persistent: boolean
  /** The device may have several queues. */
  readonly multiQueue: boolean
  /** Number of attached queues; multi-queue devices only. */
  readonly queues?: number
  /** Number of existing queues that are detached; multi-queue devices only. */
  readonly detachedQueues?: number
}

/** A bridge. */
export interface BridgeData {
  /** Whether the spanning tree protocol runs. */
  stp?: boolean
  /**
   * Time that a port spends in the listening and in the learning state, milliseconds each. The kernel counts this
   * and the following times in steps of 10 ms.
   */
  forwardDelayMs?: number
  /** Interval between two hello messages of the root, milliseconds. */
  helloTimeMs?: number
  /** How long information received from the root is valid, milliseconds. */
  maxAgeMs?: number
  /** How long a hardware address is remembered, milliseconds. */
  ageingTimeMs?: number
  /** Priority of this bridge in the spanning tree, 0 to 65535; the bridge with the lowest becomes the root. */
  priority?: number
  /** Whether the bridge filters by VLAN tags. */
  vlanFiltering?: boolean
  /** VLAN of new ports, 0 to 4094. */
  vlanDefaultPvid?: number
  /** Link-local groups 01:80:c2:00:00:0X that are forwarded, one bit per group. */
  groupForwardMask?: number
  /** Whether the bridge learns which ports have receivers of a multicast group. */
  multicastSnooping?: boolean
}

/** A VXLAN tunnel (RFC 7348). */
export interface VxlanData {
  /** Network identifier, 0 to 16777215. */
  id?: number
  /** Address of the other end, or a multicast group that contains all other ends. */
  remote?: string
  /** Source address. */
  local?: string
  /** UDP port of the other ends. */
  port?: number
  /** TTL of outer packets; 0: copied from the inner packet. */
  ttl?: number
  /** Type of service of outer packets; 1: copied from the inner packet. */
  tos?: number
  /** Whether addresses are learned from received packets. */
  learning?: boolean
  /** How long learned addresses are remembered, seconds. */
  ageingSeconds?: number
  /** Maximum number of learned addresses; 0: no limit. */
  maxAddresses?: number
  /** Whether the device answers ARP requests for other stations. */
  proxy?: boolean
  /** Whether the kernel reports packets to unknown hardware addresses. */
  l2Miss?: boolean
  /** Whether the kernel reports packets to unknown IP addresses. */
  l3Miss?: boolean
  /** Whether outer UDP packets over IPv4 have checksums. */
  udpChecksum?: boolean
  /** Whether routes or programs determine the destination of each packet. */
  collectMetadata?: boolean
}

/** A link on top of another link, with its own hardware address. */
export interface MacvlanData {
  /** Which links on the same lower link can exchange packets. */
  mode?: (typeof MACVLAN_MODES)[number]
}

/** A VLAN on top of another link. */
export interface VlanData {
  /** Number of the VLAN, 0 to 4094. */
  id?: number
  /** Protocol of the VLAN tags. */
  protocol?: (typeof VLAN_PROTOCOLS)[number]
}

/** A virtual routing domain. */
export interface VrfData {
  /** Number of its routing table. */
  table?: number
}

/** Kinds of links that can be created, and the properties specific to each kind. */
export interface LinkKinds {
  bridge: BridgeData
  vxlan: VxlanData
  macvlan: MacvlanData
  vlan: VlanData
  vrf: VrfData
  veth: Record<string, never>
  dummy: Record<string, never>
}

/** The kind of a link and the properties specific to it. */
type Kind =
  | { readonly kind: 'tun'; readonly kindData: TunData }
  | { readonly kind: 'bridge'; readonly kindData: Readonly<BridgeData> }
  | {
      readonly kind: 'vxlan'
      readonly kindData: Readonly<VxlanData> & { readonly lowerIfIndex?: number }
    }
  | { readonly kind: 'macvlan' | 'macvtap'; readonly kindData: Readonly<MacvlanData> }
  | { readonly kind: 'vlan'; readonly kindData: Readonly<VlanData> }
  | { readonly kind: 'vrf'; readonly kindData: Readonly<VrfData> }
  | { readonly kind: 'veth' | 'dummy'; readonly kindData?: undefined }
  | { readonly kind?: undefined; readonly kindData?: undefined }

/** A link (network interface), as the kernel describes it. */
export type Link = LinkProperties & Kind

/** The properties that links of all kinds have. */
export interface LinkProperties {
  /** Its index in its network namespace. */
  readonly ifIndex: number
  readonly name: string
  /** Alternative names. */
  readonly altNames: readonly string[]
  /** Its hardware type. */
  readonly linkType: LinkType
  /** Names of the `IFF_*` flags that are set (netdevice(7)), without the prefix. */
  readonly flags: readonly string[]
  /** It is administratively up. */
  readonly up: boolean
  /** Operational state by RFC 2863. */
  readonly operState: OperState
  /** Its driver reports a carrier. */
  readonly carrier: boolean
  /** How often the carrier appeared or disappeared. */
  readonly carrierChanges: number
  /** MTU in bytes. */
  readonly mtu: number
  /** The smallest MTU that it accepts, bytes. */
  readonly minMtu?: number
  /** The largest MTU that it accepts, bytes; 0: not reported. */
  readonly maxMtu?: number
  /** Hardware address: hexadecimal bytes separated by colons; absent if the link has none. */
  readonly macAddress?: string
  /** Hardware address for broadcasts. */
  readonly broadcastMacAddress?: string
  /** The permanent address of the hardware, if it has one. */
  readonly permanentMacAddress?: string
  /** A description. */
  readonly alias?: string
  /** Number of its group of links; 0 is the default. */
  readonly group: number
  /** Index of the link it is attached to, for example a bridge. */
  readonly master?: number
  /** Index of the lower link, or of the other end of a veth; it may be in another namespace. */
  readonly lowerIfIndex?: number
  /** The namespace of the lower link, as a number assigned in this namespace. */
  readonly lowerNetnsId?: number
  /** Maximum number of packets waiting for transmission. */
  readonly txQueueLength: number
  /** Queueing discipline. */
  readonly qdisc?: string
  readonly txQueues: number
  readonly rxQueues: number
  /** Number of users that require promiscuous mode. */
  readonly promiscuity: number
  /** Number of users that require all multicast packets; Linux ≥ 6.0. */
  readonly allMulticastCount?: number
  /** Maximum number of segments of a super-packet. */
  readonly gsoMaxSegs?: number
  /** The largest super-packet that it accepts, bytes. */
  readonly gsoMaxSizeBytes?: number
  /** The largest super-packet that it creates, bytes. */
  readonly groMaxSizeBytes?: number
  /** How IPv6 link-local addresses are generated; absent without IPv6. */
  readonly addressGenerationMode?: AddressGenerationMode
  /** Kind of its master. */
  readonly slaveKind?: string
  /** Counters; absent in events for which the kernel omits them. */
  readonly stats?: LinkStats
}

/** Selects links. Omitted properties match everything. */
export interface LinkFilter {
  /** Kind, by the driver's name: `tun`, `bridge`, … */
  kind?: string
  /** Links attached to this link. */
  master?: LinkRef
}

/** Settings of a link. Omitted properties are not changed. */
export interface LinkSettings {
  up?: boolean
  /** MTU in bytes. */
  mtu?: number
  /** A new name. */
  name?: string
  /** Hardware address: hexadecimal bytes separated by colons. */
  macAddress?: string
  /** Maximum number of packets waiting for transmission. */
  txQueueLength?: number
  /** A description of at most 255 bytes; empty: none. */
  alias?: string
  /** The complete list of alternative names; others are removed. */
  altNames?: readonly string[]
  /** Number of its group of links. */
  group?: number
  /** The link to attach it to, for example a bridge; `null`: none. */
  master?: LinkRef | null
  carrier?: boolean
  addressGenerationMode?: Exclude<AddressGenerationMode, number>
  /** Whether it receives all packets. */
  promiscuous?: boolean
  /** Whether it receives all multicast packets. */
  allMulticast?: boolean
  /** Network namespace to move it to: name, path or process id. It loses its addresses and routes. */
  netns?: string | number
}

/** The other end of a veth. */
export interface VethPeer {
  /** Name. Default: chosen by the kernel. */
  name?: string
  /** Network namespace: name, path or process id. */
  netns?: string | number
  /** MTU in bytes. */
  mtu?: number
  /** Hardware address: hexadecimal bytes separated by colons. */
  macAddress?: string
}

/** A link to create. */
export type LinkSpec = {
  [K in keyof LinkKinds]: {
    kind: K
    name: string
    /** Properties specific to this kind. */
    kindData?: LinkKinds[K]
    /** The lower link: required for macvlan and vlan, optional for vxlan. */
    lower?: LinkRef
    /** The other end; veth only. */
    peer?: VethPeer
    txQueues?: number
    rxQueues?: number
  } & Omit<LinkSettings, 'name' | 'netns'>
}[keyof LinkKinds]
