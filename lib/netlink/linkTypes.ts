import type {
  ADDRESS_GENERATION_MODES,
  LINK_TYPES,
  MACVLAN_MODES,
  Named,
  OPER_STATES,
  VLAN_PROTOCOLS,
} from './names.ts'

/** What names a link: its name, an alternative name, or its index. */
export type LinkRef = string | number

/** Counters of a link (`struct rtnl_link_stats64` of linux/if_link.h, which explains them), exact up to 2^53. */
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

/** How IPv6 link-local addresses are made (`IN6_ADDR_GEN_MODE_*`). */
export type AddressGenerationMode = Named<typeof ADDRESS_GENERATION_MODES>

/** The state of a link as RFC 2863 has it (`IF_OPER_*`). */
export type OperState = Named<typeof OPER_STATES>

/** What a link is made of: `none` is a TUN device, a number one of linux/if_arp.h (`ARPHRD_*`). */
export type LinkType = Named<typeof LINK_TYPES>

/** A device of the TUN/TAP driver. */
export interface TunData {
  /** IP packets, or Ethernet frames. */
  readonly mode: 'tun' | 'tap'
  /** The user who may attach to it, by number. */
  readonly owner?: number
  /** The group whose members may attach to it, by number. */
  readonly group?: number
  /** Each packet carries the driver's packet information header. */
  readonly packetInformation: boolean
  /** Each packet carries a `struct virtio_net_hdr`. */
  readonly vnetHeader: boolean
  /** It outlives its last queue. */
  readonly persistent: boolean
  /** It may have several queues. */
  readonly multiQueue: boolean
  /** Queues that are attached; of a device of many. */
  readonly queues?: number
  /** Queues that exist and are detached; of a device of many. */
  readonly detachedQueues?: number
}

/** A bridge. */
export interface BridgeData {
  /** Spanning tree protocol. */
  stp?: boolean
  /** How long a port listens and learns each; the kernel counts in tens of milliseconds, as below. */
  forwardDelayMs?: number
  /** How often the root says hello. */
  helloTimeMs?: number
  /** How long what the root said is believed. */
  maxAgeMs?: number
  /** How long a hardware address is remembered. */
  ageingTimeMs?: number
  /** Of this bridge in the spanning tree, 0 to 65535; the lowest is the root. */
  priority?: number
  /** Looks at VLAN tags. */
  vlanFiltering?: boolean
  /** VLAN of new ports, 0 to 4094. */
  vlanDefaultPvid?: number
  /** Link-local groups 01:80:c2:00:00:0X that are forwarded, a bit each. */
  groupForwardMask?: number
  /** Learns who wants which multicast group. */
  multicastSnooping?: boolean
}

/** A VXLAN tunnel (RFC 7348). */
export interface VxlanData {
  /** Network identifier, 0 to 16777215. */
  id?: number
  /** The other end, or the multicast group of all others. */
  remote?: string
  /** Source address. */
  local?: string
  /** UDP port of the other ends. */
  port?: number
  /** Of outer packets; 0: that of the inner ones. */
  ttl?: number
  /** Type of service of outer packets; 1: that of the inner ones. */
  tos?: number
  /** Learns addresses from what arrives. */
  learning?: boolean
  /** How long learnt addresses are remembered. */
  ageingSeconds?: number
  /** How many addresses are remembered; 0: no limit. */
  maxAddresses?: number
  /** Answers ARP for others. */
  proxy?: boolean
  /** Tells of packets for unknown hardware addresses. */
  l2Miss?: boolean
  /** Tells of packets for unknown IP addresses. */
  l3Miss?: boolean
  /** Checksums of outer UDP over IPv4. */
  udpChecksum?: boolean
  /** Where packets go is said by routes or programs. */
  collectMetadata?: boolean
}

/** A link with a hardware address of its own on another link. */
export interface MacvlanData {
  /** Between which of them packets pass. */
  mode?: (typeof MACVLAN_MODES)[number]
}

/** A VLAN of another link. */
export interface VlanData {
  /** Number of the VLAN, 0 to 4094. */
  id?: number
  /** Protocol of the tags. */
  protocol?: (typeof VLAN_PROTOCOLS)[number]
}

/** A virtual routing domain. */
export interface VrfData {
  /** Its routing table. */
  table?: number
}

/** Kinds of links that can be made, and what only links of that kind have. */
export interface LinkKinds {
  bridge: BridgeData
  vxlan: VxlanData
  macvlan: MacvlanData
  vlan: VlanData
  vrf: VrfData
  veth: Record<string, never>
  dummy: Record<string, never>
}

/** The kind of a link and what only such links have. */
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

/** What links of all kinds have. */
export interface LinkProperties {
  /** Its index in its network namespace. */
  readonly ifIndex: number
  readonly name: string
  /** Alternative names. */
  readonly altNames: readonly string[]
  /** What it is made of. */
  readonly linkType: LinkType
  /** Names of the `IFF_*` that are set (netdevice(7)), without the prefix. */
  readonly flags: readonly string[]
  /** It was told to be up. */
  readonly up: boolean
  /** RFC 2863. */
  readonly operState: OperState
  /** Its driver has a carrier. */
  readonly carrier: boolean
  /** How often the carrier came or went. */
  readonly carrierChanges: number
  /** Largest packet, bytes. */
  readonly mtu: number
  /** The smallest MTU that it takes, bytes. */
  readonly minMtu?: number
  /** The largest MTU that it takes, bytes; 0: none is told. */
  readonly maxMtu?: number
  /** Hardware address, as bytes in hexadecimal parted by colons; absent where a link has none. */
  readonly macAddress?: string
  /** Hardware address of all stations. */
  readonly broadcastMacAddress?: string
  /** The hardware's own address, where it has one. */
  readonly permanentMacAddress?: string
  /** A description. */
  readonly alias?: string
  /** Group of links; 0 is the default. */
  readonly group: number
  /** Index of the link that it belongs to, a bridge for one. */
  readonly master?: number
  /** Index of the link below it, or of the other end of a veth; maybe in another namespace. */
  readonly lowerIfIndex?: number
  /** The namespace of the link below, by the number that this namespace has for it. */
  readonly lowerNetnsId?: number
  /** Packets that wait for transmission at most. */
  readonly txQueueLength: number
  /** Queueing discipline. */
  readonly qdisc?: string
  readonly txQueues: number
  readonly rxQueues: number
  /** How many want it to take all packets. */
  readonly promiscuity: number
  /** How many want it to take all multicast packets; Linux ≥ 6.0. */
  readonly allMulticastCount?: number
  /** The most segments a super-packet may be cut into. */
  readonly gsoMaxSegs?: number
  /** The largest super-packet that it takes. */
  readonly gsoMaxSizeBytes?: number
  /** The largest super-packet that it makes. */
  readonly groMaxSizeBytes?: number
  /** Absent without IPv6. */
  readonly addressGenerationMode?: AddressGenerationMode
  /** Kind of its master. */
  readonly slaveKind?: string
  /** Counters; in events they are absent where the kernel leaves them out. */
  readonly stats?: LinkStats
}

/** Which links; what is absent does not matter. */
export interface LinkFilter {
  /** Kind, as the driver calls it: `tun`, `bridge`, … */
  kind?: string
  /** Those that belong to that link. */
  master?: LinkRef
}

/** What to change of a link; what is absent stays. */
export interface LinkSettings {
  up?: boolean
  /** Bytes. */
  mtu?: number
  /** A new name. */
  name?: string
  /** Bytes in hexadecimal, parted by colons. */
  macAddress?: string
  /** Packets. */
  txQueueLength?: number
  /** At most 255 bytes; empty: none. */
  alias?: string
  /** All alternative names that it is to have. */
  altNames?: readonly string[]
  /** Number of a group. */
  group?: number
  /** The link that it is to belong to; null: none. */
  master?: LinkRef | null
  carrier?: boolean
  addressGenerationMode?: Exclude<AddressGenerationMode, number>
  /** Takes all packets. */
  promiscuous?: boolean
  /** Takes all multicast packets. */
  allMulticast?: boolean
  /** Network namespace to move it to: name, path or process id. Its addresses and routes are lost. */
  netns?: string | number
}

/** The other end of a veth. */
export interface VethPeer {
  /** Its name; the kernel chooses one if absent. */
  name?: string
  /** Its network namespace: name, path or process id. */
  netns?: string | number
  /** Bytes. */
  mtu?: number
  /** Bytes in hexadecimal, parted by colons. */
  macAddress?: string
}

/** A link to make. */
export type LinkSpec = {
  [K in keyof LinkKinds]: {
    kind: K
    name: string
    /** What only links of this kind have. */
    kindData?: LinkKinds[K]
    /** The link below it: macvlan and vlan need one, vxlan may have one. */
    lower?: LinkRef
    /** The other end; of veth. */
    peer?: VethPeer
    txQueues?: number
    rxQueues?: number
  } & Omit<LinkSettings, 'name' | 'netns'>
}[keyof LinkKinds]
