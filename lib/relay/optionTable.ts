import { KEEPALIVE_MAX, QUEUES_MAX, SOURCE_PORTS_MAX } from '../check/limits.ts'
import { invalidArgument } from '../errors.ts'
import { listen, peers } from './ends.ts'
import { queueDescriptors } from './handover/descriptors.ts'
import {
  checked,
  interfaceName,
  mtuBytes,
  namespace,
  oneOf,
  signal,
  whole,
  wholeOr,
  yesOrNo,
} from '../options/forms.ts'
import { interfaceAddresses, networks, prefixes } from '../options/addressForms.ts'
import { offloads } from '../check/offload.ts'
import { checkPeer } from './peer.ts'
import { bindDevice, dscp, fwmark } from './underlayForms.ts'
import { type Form, options } from '../options/table.ts'

/** Networks, or `true` for those of the peers. */
const routes: Form<string[] | true> = {
  type: 'true | readonly string[]',
  check: (what, value) => (value === true ? value : networks.check(what, value)),
}

const family: Form<4 | 6> = {
  type: '4 | 6',
  check: (what, value) => {
    if (value === 4 || value === 6) return value
    throw invalidArgument(what, value, '4 or 6')
  },
}

/**
 * The options of a relay, for the library and the program `tun2udp`. All lists of them have this order.
 *
 * A new option also needs: the structure of crate/node/src/convert.rs, the configuration of
 * crate/core/src/relay/config.rs, and the place that uses it. Then run `npm run generate`.
 */
export const RELAY = options({
  addresses: {
    form: interfaceAddresses,
    isRequired: true,
    flag: '--address <address[/prefix]>',
    isRepeatable: true,
    help: 'additional address of the interface',
    details: 'The default prefix is 32 (IPv4) or 128 (IPv6), which leads to no other host.',
    declaration:
      'Addresses of the interface, `ADDRESS[/PREFIX]`; the first one is the primary. The default prefix is 32 (IPv4) or 128 (IPv6), which leads to no other host. At least one is necessary, except with the mode `tap`.',
  },
  mode: {
    form: oneOf('tun', 'tap'),
    flag: '--mode <tun|tap>',
    help: 'carry IP packets (tun) or Ethernet frames (tap)',
    default: '`tun`',
    details:
      'With `tap` the interface is a TAP device, and each datagram contains one whole Ethernet frame without its checksum. Both ends must have the same mode. An address of the interface is then optional, and there is one peer.',
    declaration:
      'Whether datagrams contain IP packets or Ethernet frames (a TAP device). Both ends must have the same mode. With `tap`, `addresses` may be empty, and there is one peer. Default: `tun`.',
  },
  peers: {
    form: peers,
    help: 'peers of the relay',
    details:
      'Each has an endpoint and the inner networks that are routed to it. `relay.peers` changes them while the relay runs. `peer` and `sendPort` are the form of the operands of the program, for one peer that gets every packet. A single entry with nothing but an endpoint means the same.',
  },
  sendPort: {
    form: whole(1, 65_535),
    help: 'UDP port of the peer, 1 to 65535',
    details: 'Required unless `peers` is set.',
  },
  receivePort: {
    form: whole(0, 65_535),
    help: 'local UDP port, 0 to 65535',
    details:
      'With 0 the kernel chooses the port, which is in `relay.info.local`. Required unless `listen` is an object.',
  },
  name: {
    form: interfaceName,
    flag: '--name <name>',
    help: 'interface name',
    default: '`tun%d`, or `tap%d` with the mode `tap`',
    details: 'At most 15 bytes. `%d` stands for the first free number.',
  },
  mtu: {
    form: mtuBytes,
    flag: '--mtu <bytes>',
    help: 'interface MTU',
    default: 'what the path allows',
    details:
      'The range is 68 to 65535 bytes. For a peer on another machine the default is the MTU of the route to it, the smallest of all its next hops, minus 28 bytes (IPv4) or 48 bytes (IPv6), and with the mode `tap` minus 14 bytes for the Ethernet header, so that datagrams are not fragmented. With IPv6 addresses or routes the default is at least 1280: if the path leaves less, datagrams with longer packets are fragmented. For a peer on this machine it is 1500. A persistent interface keeps its MTU.',
  },
  txQueueLength: {
    form: whole(0),
    flag: '--txqueuelen <packets>',
    help: 'transmit queue length',
    default: '500',
    details:
      'If the queue is full, the kernel drops packets (`TX dropped` of `ip -s link`). A persistent interface keeps its length.',
  },
  routes: {
    form: routes,
    flag: '--route <cidr>',
    isRepeatable: true,
    help: 'network to route, or `default`',
    details:
      '`default` is the default route of each family (IPv4, IPv6) that the interface has an address of. A default route is added as two halves, 0.0.0.0/1 and 128.0.0.0/1 or ::/1 and 8000::/1, so that an existing one stays. A network that would route the tunnel into itself is refused.',
    declaration:
      'Networks to route into the interface, `NETWORK[/PREFIX]`, or `default`: the default route of each family that `addresses` has. A default route is added as two halves, so that an existing one stays. `true` stands for the networks of all peers, and follows their changes. A network that would route the tunnel into itself is refused.',
  },
  netns: {
    form: namespace,
    flag: '--netns <name|path|pid>',
    help: 'network namespace of the interface',
    details:
      'The socket stays in the namespace of the process. The value is a name of ip-netns(8), a path (with a slash) or a process id (digits only). A namespace whose name has only digits is preferred to a process; `name:NAME` and `pid:N` are unambiguous.',
  },
  peer: {
    form: { ...checked('string', checkPeer), completion: 'host' },
    flag: '--peer <host>',
    help: 'address or name of the peer',
    default: '`127.0.0.1`',
    details:
      'Of a name, the first address that the resolver returns is used, of the family of `--listen`, `--ipv4` or `--ipv6` if one is given. There is no fall-back to another address. While the relay runs, the name is looked up again when its time to live ends, and datagrams follow its address.',
    declaration:
      'Address or name of the peer. Of a name, the first address that the resolver returns is used, of the family of `listen` or `family` if one is given. There is no fall-back to another address. While the relay runs, the name is looked up again when its time to live ends, and datagrams follow its address. Default: `127.0.0.1`.',
  },
  family: {
    form: family,
    help: 'the address family of the peer',
    details: 'A literal of the other family is refused.',
    default: 'that of `listen`, otherwise the first that the resolver returns',
  },
  waitForDns: {
    form: yesOrNo,
    flag: '--wait-for-dns',
    help: 'wait until the name of the peer has an address',
    default: 'the start fails',
    details:
      'While no name server replies, or none knows the name, the look-up is repeated after 1, 2 and 4 seconds, then every 5 seconds. A notice states the reason, and under systemd the status.',
    declaration:
      'Whether the start waits until the name of the peer has an address. While no name server replies, or none knows the name, the look-up is repeated after 1, 2 and 4 seconds, then every 5 seconds; the event `name-waiting` states the reason. With several peers the start waits for the first one. Each other peer is added when its name has an address: it is looked up again after 5, 10 and 20 seconds, then every 30 seconds. Default: false: the start fails with `ERR_TUN_UNKNOWN_HOST`.',
  },
  listen: {
    form: listen,
    flag: '--listen <address>',
    help: 'local address of the socket',
    default: 'loopback for a loopback peer, otherwise any',
    declaration:
      'Local address of the socket, as text next to `receivePort`, or address and port as an object. Default: the loopback address for a peer on loopback, otherwise the wildcard address of the family of the peer.',
  },
  accept: {
    form: oneOf('peer', 'any'),
    flag: '--accept <peer|any>',
    help: 'source addresses to accept',
    default: '`peer`',
    details: 'The source port is not checked.',
  },
  allowedPrefixes: {
    form: prefixes,
    flag: '--allow <cidr>',
    isRepeatable: true,
    help: 'inner network of the peer',
    default: 'any packet',
    details:
      'If it is given, a packet from the peer whose source is in none of these networks is dropped (`foreignPrefix`), and so is a packet to the peer whose destination is in none of them (`noPeer`). The sender of the latter gets an ICMP error. `0.0.0.0/0` is all of IPv4, `::/0` all of IPv6. Protocols that use multicast or link-local addresses, such as OSPF, need these too: `224.0.0.0/4`, `ff00::/8`, `fe80::/10`.',
    declaration:
      'Inner networks of the peer, `NETWORK[/PREFIX]`. A packet from the peer whose source is in none of them is dropped (`foreignPrefix`), and so is a packet to the peer whose destination is in none of them (`noPeer`); the sender of the latter gets an ICMP error. An empty list allows any packet, and is the default.',
  },
  keepaliveSeconds: {
    form: whole(0, KEEPALIVE_MAX),
    flag: '--keepalive <seconds>',
    help: 'interval of keepalives; 0: none',
    default: '0, none',
    details:
      'If nothing was sent to the peer for this time, a small packet is sent that every peer discards. It keeps the mapping of a NAT or firewall between both ends, and shows the peer that this end is there. The events `peer-up` and `peer-down` report whether datagrams of the peer arrive: it is down if nothing came from it for three intervals, so it needs keepalives too. With several source ports, traffic does not replace keepalives.',
    declaration:
      'Time between two keepalives, seconds, 0 to 65535; 0: none. A keepalive is a small packet that every peer discards. It is sent if nothing else was sent to the peer for this time. The events `peer-up` and `peer-down` report whether datagrams of the peer arrive: it is down if nothing came from it for three intervals. Default: 0.',
  },
  fwmark: {
    form: fwmark,
    flag: '--fwmark <mark>',
    help: 'firewall mark of the datagrams',
    default: '0, none',
    details:
      'The mark (`SO_MARK`) is what `ip rule add fwmark` and firewalls match. The range is 0 to 4294967295, in decimal or in hexadecimal with `0x`. It needs `CAP_NET_ADMIN`, or `CAP_NET_RAW` since Linux 5.17.',
    declaration:
      'Firewall mark of the datagrams (`SO_MARK`), which `ip rule add fwmark` and firewalls match, 0 to 4294967295. It needs `CAP_NET_ADMIN`, or `CAP_NET_RAW` since Linux 5.17. Default: 0, none.',
  },
  bindDevice: {
    form: bindDevice,
    flag: '--bind-device <name>',
    help: 'interface that datagrams leave and arrive by',
    default: 'the routes decide',
    details:
      'The sockets are bound to the interface (`SO_BINDTODEVICE`), so routes through other interfaces are not used. The interface must exist in the namespace of the process. If it is deleted and created again, the next packet to the peer binds the sockets to the new one, unless the process has dropped its privileges.',
  },
  dscp: {
    form: dscp,
    flag: '--dscp <inherit|0..63>',
    help: 'DSCP of the datagrams, or `inherit`',
    default: '0',
    details:
      '`inherit` is the DSCP of the packet in the datagram, which everyone on the path can then see. The DSCP inside the tunnel never changes.',
  },
  ecn: {
    form: oneOf('copy', 'off'),
    flag: '--ecn <copy|off>',
    help: 'ECN of the datagrams',
    default: '`copy`',
    details:
      'With `copy` a datagram has the ECN field of its packet, and a packet gets the congestion mark (CE) that the network set on its datagram (RFC 6040). With `off` datagrams are not ECN-capable, so that the network drops instead of marking. Use it if the peer is a program that does not return the marks.',
  },
  pathMtu: {
    form: oneOf('discover', 'fixed', 'off'),
    flag: '--path-mtu <discover|fixed|off>',
    help: 'whether datagrams may be fragmented on their path',
    default: '`discover`',
    details:
      'With `discover` they may not (DF), and reports of a smaller path are followed: an IPv4 packet that may be fragmented is split inside the tunnel, and the sender of any other one that does not fit gets an ICMP error with the right MTU. With `fixed` they may not, and reports are ignored. With `off` the kernel and routers may fragment them. For a peer on loopback, `discover` is `off`.',
  },
  mssClamp: {
    form: wholeOr(1, 65_535, { auto: undefined, off: 0 }),
    flag: '--mss-clamp <auto|off|bytes>',
    help: 'limit of the MSS that a TCP SYN announces',
    default: '`auto`',
    details:
      '`auto` is what fits into the MTU of the interface, or into the path to the peer if that is smaller. The MSS is lowered and never raised. For a peer on loopback, `auto` is `off`.',
  },
  offload: {
    form: offloads,
    flag: '--offload <list>',
    negation: { flag: '--no-offload', help: 'use no kernel offloads' },
    help: 'kernel offloads to use: `tso,uso,gso,gro`',
    default: 'all available',
    details:
      'Offloads change the speed only; the packets are the same without them, except for the identification of IPv4 packets with DF, which has no meaning (RFC 6864).',
    declaration:
      'Kernel offloads to use. Default: `auto`, all available. An offload that the kernel refuses is not used, and `relay.events()` reports it.',
  },
  sourcePorts: {
    form: wholeOr(1, SOURCE_PORTS_MAX, { auto: 0 }),
    flag: '--source-ports <number|auto>',
    help: 'number of ports to send from, 1 to 64',
    default: '1',
    details:
      'Each port carries a share of the flows, so routers with several paths, network cards and a relay with several queues can distribute them. The first is the receiving port; the kernel chooses the others. A firewall on the path must let datagrams from these ports pass. `auto` is 1 for a peer on the loopback of this machine, otherwise the number of queues, or if that is `auto` too, the number of CPUs plus one, at most 8.',
  },
  queues: {
    form: wholeOr(1, QUEUES_MAX, { auto: undefined }),
    flag: '--queues <number|auto>',
    help: 'number of queues, 1 to 256',
    default: '`auto`',
    details:
      'Each queue has its own thread and socket. The packets of a flow stay in order. `auto` is the number of CPUs plus one, at most 8, and for a peer that is not on the loopback of this machine at most the number of source ports, and if possible a divisor of it. It is 1 if this process may not steer packets (which needs `CAP_BPF`) or if the interface was created for one queue.',
  },
  descriptors: {
    form: queueDescriptors,
    help: 'descriptors of the device and the sockets of another relay, by queue',
    details:
      'Instead of opening a device and sockets, the relay uses these, as `relay.descriptors()` of a relay with the same options returns them or a service manager keeps them. Each one is examined first: a foreign one, or one that does not fit the options, is refused with an error that names it. The settings of the interface that differ from the options are changed. Once the relay has started, the descriptors belong to it, and the interface ends with its last descriptor; if the start fails, they stay open.',
  },
  signal: {
    form: signal,
    help: 'aborts the start, or later closes the relay',
    declaration:
      "If aborted during the start, everything is rolled back and the promise rejects with the signal's reason. If aborted later, closes the relay as `close()` does, and `closed` resolves (as with the `signal` of Node's `server.listen()`).",
  },
})
