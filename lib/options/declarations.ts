// Written by `npm run generate` from the tables of options (lib/*/optionTable.ts, lib/persistent/options.ts): change those.
import type { DeviceOffload } from '../device/optionTable.ts'
import type { ListenOptions } from '../relay/ends.ts'
import type { QueueDescriptors } from '../relay/handover/descriptors.ts'
import type { RelayPeer } from '../relay/peers/options.ts'
import type { Offload } from '../check/offload.ts'

/** The options of {@link startRelay}; the program has them under the same names. */
export interface RelayOptions {
  /**
   * Addresses of the interface, `ADDRESS[/PREFIX]`; the first one is the primary. The default prefix is 32 (IPv4) or
   * 128 (IPv6), which leads to no other host. At least one is necessary, except with the mode `tap`.
   */
  addresses: readonly string[]
  /**
   * Whether datagrams contain IP packets or Ethernet frames (a TAP device). Both ends must have the same mode. With
   * `tap`, `addresses` may be empty, and there is one peer. Default: `tun`.
   */
  mode?: 'tun' | 'tap' | undefined
  /**
   * Peers of the relay. Each has an endpoint and the inner networks that are routed to it. `relay.peers` changes
   * them while the relay runs. `peer` and `sendPort` are the form of the operands of the program, for one peer that
   * gets every packet. A single entry with nothing but an endpoint means the same.
   */
  peers?: readonly RelayPeer[] | undefined
  /** UDP port of the peer, 1 to 65535. Required unless `peers` is set. */
  sendPort?: number | undefined
  /**
   * Local UDP port, 0 to 65535. With 0 the kernel chooses the port, which is in `relay.info.local`. Required unless
   * `listen` is an object.
   */
  receivePort?: number | undefined
  /**
   * Interface name. At most 15 bytes. `%d` stands for the first free number. Default: `tun%d`, or `tap%d` with the
   * mode `tap`.
   */
  name?: string | undefined
  /**
   * Interface MTU. The range is 68 to 65535 bytes. For a peer on another machine the default is the MTU of the route
   * to it, the smallest of all its next hops, minus 28 bytes (IPv4) or 48 bytes (IPv6), and with the mode `tap`
   * minus 14 bytes for the Ethernet header, so that datagrams are not fragmented. With IPv6 addresses or routes the
   * default is at least 1280: if the path leaves less, datagrams with longer packets are fragmented. For a peer on
   * this machine it is 1500. A persistent interface keeps its MTU. Default: what the path allows.
   */
  mtu?: number | undefined
  /**
   * Transmit queue length. If the queue is full, the kernel drops packets (`TX dropped` of `ip -s link`). A
   * persistent interface keeps its length. Default: 500.
   */
  txQueueLength?: number | undefined
  /**
   * Networks to route into the interface, `NETWORK[/PREFIX]`, or `default`: the default route of each family that
   * `addresses` has. A default route is added as two halves, so that an existing one stays. `true` stands for the
   * networks of all peers, and follows their changes. A network that would route the tunnel into itself is refused.
   */
  routes?: true | readonly string[] | undefined
  /**
   * Network namespace of the interface. The socket stays in the namespace of the process. The value is a name of
   * ip-netns(8), a path (with a slash) or a process id (digits only). A namespace whose name has only digits is
   * preferred to a process; `name:NAME` and `pid:N` are unambiguous.
   */
  netns?: string | number | undefined
  /**
   * Address or name of the peer. Of a name, the first address that the resolver returns is used, of the family of
   * `listen` or `family` if one is given. There is no fall-back to another address. While the relay runs, the name
   * is looked up again when its time to live ends, and datagrams follow its address. Default: `127.0.0.1`.
   */
  peer?: string | undefined
  /**
   * The address family of the peer. A literal of the other family is refused. Default: that of `listen`, otherwise
   * the first that the resolver returns.
   */
  family?: 4 | 6 | undefined
  /**
   * Whether the start waits until the name of the peer has an address. While no name server replies, or none knows
   * the name, the look-up is repeated after 1, 2 and 4 seconds, then every 5 seconds; the event `name-waiting`
   * states the reason. With several peers the start waits for the first one. Each other peer is added when its name
   * has an address: it is looked up again after 5, 10 and 20 seconds, then every 30 seconds. Default: false: the
   * start fails with `ERR_TUN_UNKNOWN_HOST`.
   */
  waitForDns?: boolean | undefined
  /**
   * Local address of the socket, as text next to `receivePort`, or address and port as an object. Default: the
   * loopback address for a peer on loopback, otherwise the wildcard address of the family of the peer.
   */
  listen?: string | ListenOptions | undefined
  /** Source addresses to accept. The source port is not checked. Default: `peer`. */
  accept?: 'peer' | 'any' | undefined
  /**
   * Inner networks of the peer, `NETWORK[/PREFIX]`. A packet from the peer whose source is in none of them is
   * dropped (`foreignPrefix`), and so is a packet to the peer whose destination is in none of them (`noPeer`); the
   * sender of the latter gets an ICMP error. An empty list allows any packet, and is the default.
   */
  allowedPrefixes?: readonly string[] | undefined
  /**
   * Time between two keepalives, seconds, 0 to 65535; 0: none. A keepalive is a small packet that every peer
   * discards. It is sent if nothing else was sent to the peer for this time. The events `peer-up` and `peer-down`
   * report whether datagrams of the peer arrive: it is down if nothing came from it for three intervals. Default: 0.
   */
  keepaliveSeconds?: number | undefined
  /**
   * Firewall mark of the datagrams (`SO_MARK`), which `ip rule add fwmark` and firewalls match, 0 to 4294967295. It
   * needs `CAP_NET_ADMIN`, or `CAP_NET_RAW` since Linux 5.17. Default: 0, none.
   */
  fwmark?: number | undefined
  /**
   * Interface that datagrams leave and arrive by. The sockets are bound to the interface (`SO_BINDTODEVICE`), so
   * routes through other interfaces are not used. The interface must exist in the namespace of the process. If it is
   * deleted and created again, the next packet to the peer binds the sockets to the new one, unless the process has
   * dropped its privileges. Default: the routes decide.
   */
  bindDevice?: string | undefined
  /**
   * DSCP of the datagrams, or `inherit`. `inherit` is the DSCP of the packet in the datagram, which everyone on the
   * path can then see. The DSCP inside the tunnel never changes. Default: 0.
   */
  dscp?: number | 'inherit' | undefined
  /**
   * ECN of the datagrams. With `copy` a datagram has the ECN field of its packet, and a packet gets the congestion
   * mark (CE) that the network set on its datagram (RFC 6040). With `off` datagrams are not ECN-capable, so that the
   * network drops instead of marking. Use it if the peer is a program that does not return the marks. Default:
   * `copy`.
   */
  ecn?: 'copy' | 'off' | undefined
  /**
   * Whether datagrams may be fragmented on their path. With `discover` they may not (DF), and reports of a smaller
   * path are followed: an IPv4 packet that may be fragmented is split inside the tunnel, and the sender of any other
   * one that does not fit gets an ICMP error with the right MTU. With `fixed` they may not, and reports are ignored.
   * With `off` the kernel and routers may fragment them. For a peer on loopback, `discover` is `off`. Default:
   * `discover`.
   */
  pathMtu?: 'discover' | 'fixed' | 'off' | undefined
  /**
   * Limit of the MSS that a TCP SYN announces. `auto` is what fits into the MTU of the interface, or into the path
   * to the peer if that is smaller. The MSS is lowered and never raised. For a peer on loopback, `auto` is `off`.
   * Default: `auto`.
   */
  mssClamp?: number | 'auto' | 'off' | undefined
  /**
   * Kernel offloads to use. Default: `auto`, all available. An offload that the kernel refuses is not used, and
   * `relay.events()` reports it.
   */
  offload?: 'auto' | false | readonly Offload[] | undefined
  /**
   * Number of ports to send from, 1 to 64. Each port carries a share of the flows, so routers with several paths,
   * network cards and a relay with several queues can distribute them. The first is the receiving port; the kernel
   * chooses the others. A firewall on the path must let datagrams from these ports pass. `auto` is 1 for a peer on
   * the loopback of this machine, otherwise the number of queues, or if that is `auto` too, the number of CPUs plus
   * one, at most 8. Default: 1.
   */
  sourcePorts?: number | 'auto' | undefined
  /**
   * Number of queues, 1 to 256. Each queue has its own thread and socket. The packets of a flow stay in order.
   * `auto` is the number of CPUs plus one, at most 8, and for a peer that is not on the loopback of this machine at
   * most the number of source ports, and if possible a divisor of it. It is 1 if this process may not steer packets
   * (which needs `CAP_BPF`) or if the interface was created for one queue. Default: `auto`.
   */
  queues?: number | 'auto' | undefined
  /**
   * Descriptors of the device and the sockets of another relay, by queue. Instead of opening a device and sockets,
   * the relay uses these, as `relay.descriptors()` of a relay with the same options returns them or a service
   * manager keeps them. Each one is examined first: a foreign one, or one that does not fit the options, is refused
   * with an error that names it. The settings of the interface that differ from the options are changed. Once the
   * relay has started, the descriptors belong to it, and the interface ends with its last descriptor; if the start
   * fails, they stay open.
   */
  descriptors?: readonly QueueDescriptors[] | undefined
  /**
   * If aborted during the start, everything is rolled back and the promise rejects with the signal's reason. If
   * aborted later, closes the relay as `close()` does, and `closed` resolves (as with the `signal` of Node's
   * `server.listen()`).
   */
  signal?: AbortSignal | undefined
}

/** The options of {@link openTun}. docs/devices.md has the flag and the `ip` command of each. */
export interface TunOptions {
  /** Name of the interface, at most 15 bytes; `%d` in it is the first free number. Default: the kernel's. */
  name?: string | undefined
  /** Path of the driver's clone device. Default: `/dev/net/tun`. */
  cloneDevice?: string | undefined
  /** Network namespace for the interface: a name of ip-netns(8), a path, a process id, or `name:NAME` or `pid:N`. */
  netns?: string | number | undefined
  /** A descriptor that is attached to an interface already. It belongs to the device from then on. */
  fd?: number | undefined
  /**
   * Whether the interface is created: if there is none of that name (`if-missing`), in any case, so that an existing
   * one is refused (`always`, `IFF_TUN_EXCL`), or not at all, so that it must exist (`never`). Default:
   * `if-missing`.
   */
  create?: 'if-missing' | 'always' | 'never' | undefined
  /** Opens one queue of a device that may have several (`IFF_MULTI_QUEUE`). Default: with `queues` above 1. */
  multiQueue?: boolean | undefined
  /** Queues to open, 1 to 256, which are read and written as one. Default: 1. */
  queues?: number | undefined
  /** Whether the device outlives the process (`TUNSETPERSIST`). Default: as it is, and a new one does not. */
  persistent?: boolean | undefined
  /** User, by name or number, who may attach to the device without privileges (`TUNSETOWNER`). */
  owner?: string | number | undefined
  /** Group, by name or number, whose members may attach to it without privileges (`TUNSETGROUP`). */
  group?: string | number | undefined
  /** Addresses of the interface, `ADDRESS[/PREFIX]`. */
  addresses?: readonly string[] | undefined
  /** Networks to route into the interface, `NETWORK[/PREFIX]`. */
  routes?: readonly string[] | undefined
  /** MTU in bytes, 68 to 65535. Default: as it is, and 1500 for a new one. */
  mtu?: number | undefined
  /** Whether the interface is brought up, or down. Default: up. */
  up?: boolean | undefined
  /**
   * Whether the kernel gives a new interface an IPv6 link-local address. Default: no, and so it sends no packet of
   * its own.
   */
  linkLocal?: boolean | undefined
  /** A new interface begins without a carrier (`IFF_NO_CARRIER`, Linux 6.0). */
  noCarrier?: boolean | undefined
  /** Index of a new interface, from 1 (`TUNSETIFINDEX`). */
  ifIndex?: number | undefined
  /** Link type of the interface, an `ARPHRD_` number of linux/if_arp.h (`TUNSETLINK`). */
  linkType?: number | undefined
  /** Packets that may wait to be read before the kernel drops the next. Default: 500, and 1000 for TAP. */
  txQueueLength?: number | undefined
  /** Bytes written and not yet taken by the stack before a write waits (`TUNSETSNDBUF`). Default: no limit. */
  sendBufferBytes?: number | undefined
  /** Packets written go through NAPI (`IFF_NAPI`, Linux 4.15). */
  napi?: boolean | undefined
  /**
   * Super-packets that the kernel may pass on, which are split into ordinary packets: all it has, none, or those of
   * a list. Packets written by `writeBatch` are coalesced likewise, with `coalesce`. Default: `auto`, all it has.
   */
  offload?: 'auto' | false | readonly DeviceOffload[] | undefined
  /** Bytes of the vnet header between kernel and library: 10, 12, 20 or 24 (`TUNSETVNETHDRSZ`). Default: 10. */
  vnetHeaderBytes?: number | undefined
  /** Packets have the four bytes of `struct tun_pi` before them, in both directions. It needs `offload: false`. */
  packetInformation?: boolean | undefined
  /**
   * Whether packets that keep arriving are read several at a time, by io_uring(7), where the kernel lets this
   * process (Linux 5.18). Otherwise each packet is one call of read(2). Default: yes.
   */
  ioUring?: boolean | undefined
  /** Packets read from the device ahead of their reader, at most, 1 to 4096. Default: 256. */
  highWaterMark?: number | undefined
  /**
   * If it is aborted while the device is opened, everything is rolled back and the promise rejects with the signal's
   * reason. If it is aborted later, it closes the device as `close()` does.
   */
  signal?: AbortSignal | undefined
}

/** The options of {@link openTap}. */
export interface TapOptions extends TunOptions {
  /** Ethernet address of the interface, `02:00:00:00:00:01`. Default: a random one that the kernel chooses. */
  macAddress?: string | undefined
  /** Frames written may be passed in fragments to GRO (`IFF_NAPI_FRAGS`, Linux 4.15). It needs `napi`. */
  napiFrags?: boolean | undefined
}

/** The options of {@link createPersistent}. */
export interface PersistentOptions {
  /** IP packets (`tun`, `IFF_TUN`) or Ethernet frames (`tap`, `IFF_TAP`). */
  mode: 'tun' | 'tap'
  /** Device name, at most 15 bytes; `%d` is the first free number. Default: `tun%d` or `tap%d`. */
  name?: string | undefined
  /** User, by name or number, who may attach without `CAP_NET_ADMIN`. Default: unchanged. */
  owner?: string | number | undefined
  /** Group, by name or number, whose members may attach without `CAP_NET_ADMIN`. Default: unchanged. */
  group?: string | number | undefined
  /** Whether the device supports several queues (`IFF_MULTI_QUEUE`). Default: false. */
  multiQueue?: boolean | undefined
  /**
   * Whether each packet is preceded by a `struct virtio_net_hdr` (`IFF_VNET_HDR`). Default: false; an existing
   * device keeps its setting.
   */
  vnetHeader?: boolean | undefined
  /**
   * Network namespace: a name of ip-netns(8), a path, a process id, or `name:NAME` or `pid:N`. Default: the
   * namespace of this thread.
   */
  netns?: string | number | undefined
  /** Path of the clone device. Default: `/dev/net/tun`. */
  cloneDevice?: string | undefined
}

/** The options of {@link removePersistent}. */
export interface RemoveOptions {
  /**
   * Network namespace: a name of ip-netns(8), a path, a process id, or `name:NAME` or `pid:N`. Default: the
   * namespace of this thread.
   */
  netns?: string | number | undefined
  /** Path of the clone device. Default: `/dev/net/tun`. */
  cloneDevice?: string | undefined
}

/** The options of {@link listDevices}. */
export interface ListOptions {
  /**
   * Network namespace: a name of ip-netns(8), a path, a process id, or `name:NAME` or `pid:N`. Default: the
   * namespace of this thread.
   */
  netns?: string | number | undefined
}

/** The options of {@link features}. */
export interface FeatureOptions {
  /** Path of the clone device. Default: `/dev/net/tun`. */
  cloneDevice?: string | undefined
}
