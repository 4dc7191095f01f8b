import { QUEUES_MAX } from '../check/limits.ts'
import { invalidArgument } from '../errors.ts'
import { listen, peers } from './ends.ts'
import {
  checked,
  interfaceName,
  mtuBytes,
  namespace,
  oneOf,
  signal,
  whole,
} from '../options/forms.ts'
import { interfaceAddresses, networks } from '../options/addressForms.ts'
import { offloads } from '../check/offload.ts'
import { checkPeer } from './peer.ts'
import { type Form, options } from '../options/table.ts'

const addresses: Form<string[]> = {
  ...interfaceAddresses,
  check: (what, value) => {
    const texts = interfaceAddresses.check(what, value)
    if (texts.length > 0) return texts
    throw invalidArgument(what, value, 'at least one ADDRESS[/PREFIX]')
  },
}

const queues: Form<number | undefined> = {
  type: "number | 'auto'",
  check: (what, value) => {
    if (value === 'auto') return undefined
    const isNumber = Number.isInteger(value) && (value as number) >= 1
    if (isNumber && (value as number) <= QUEUES_MAX) return value as number
    throw invalidArgument(what, value, `a whole number from 1 to ${QUEUES_MAX}, or "auto"`)
  },
  spelling: {
    parse: (text) => {
      if (text === 'auto') return text
      const value = /^\d{1,3}$/u.test(text) ? Number(text) : 0
      return value >= 1 && value <= QUEUES_MAX ? value : undefined
    },
    expected: `a whole number from 1 to ${QUEUES_MAX}, or auto`,
  },
  completion: { words: ['auto'] },
}

/**
 * The options of a relay, which the library and the program `tun2udp` have. They are listed in this order everywhere.
 *
 * A new one takes, beside its line here: the structure of crate/node/src/convert.rs, the configuration of
 * crate/core/src/relay/config.rs, and the place that uses it; then `npm run generate`.
 */
export const RELAY = options({
  addresses: {
    form: addresses,
    isRequired: true,
    flag: '--address <address[/prefix]>',
    isRepeatable: true,
    help: 'a further address of the interface',
    declaration:
      'Addresses of the interface, `ADDRESS[/PREFIX]`, the first one the primary; default prefix 32 or 128.',
  },
  peers: {
    form: peers,
    help: 'the peers',
    details:
      'This version relays to one. `peers` and `listen: { address, port }` are the general form of both ends; `peer`, `sendPort`, `receivePort` and `listen` as text are the form of the program, for one peer.',
  },
  sendPort: {
    form: whole(1, 65_535),
    help: 'UDP port of the peer, 1 to 65535',
    details: 'It is required unless there are `peers`.',
  },
  receivePort: {
    form: whole(0, 65_535),
    help: 'UDP port of this end, 0 to 65535',
    details:
      '0 lets the kernel choose; `relay.info.local` has the port. It is required unless `listen` is an object.',
  },
  name: {
    form: interfaceName,
    flag: '--name <name>',
    help: 'name of the interface; `%d` in it is the first free number',
    default: '`tun%d`',
    details: 'It has at most 15 bytes.',
  },
  mtu: {
    form: mtuBytes,
    flag: '--mtu <bytes>',
    help: 'MTU of the interface',
    default: '1500, or what the path to the peer leaves',
    details:
      'It is 68 to 65535 bytes. The path to a peer on another machine leaves the MTU of the route to it less 28 bytes (IPv4) or 48 bytes (IPv6), so that no datagram is fragmented. A persistent interface keeps its own.',
  },
  txQueueLength: {
    form: whole(0),
    flag: '--txqueuelen <packets>',
    help: 'packets that may wait in the interface before the kernel drops the next',
    default: '500; a persistent interface keeps its own',
  },
  routes: {
    form: networks,
    flag: '--route <cidr>',
    isRepeatable: true,
    help: 'a network to route into the interface',
    details: 'A network that would route the tunnel into itself is refused.',
    declaration:
      'Networks to route into the interface, `NETWORK[/PREFIX]`. One that would route the tunnel into itself is refused.',
  },
  netns: {
    form: namespace,
    flag: '--netns <name|path|pid>',
    help: 'network namespace of the interface; the socket stays in this one',
    details:
      'It is a name of ip-netns(8), a path, which contains a slash, or a process id, which is digits alone.',
  },
  peer: {
    form: { ...checked('string', checkPeer), completion: 'host' },
    flag: '--peer <host>',
    help: 'the other end: IPv4, IPv6 or a name',
    default: '`127.0.0.1`',
    details: 'A name is resolved once.',
  },
  listen: {
    form: listen,
    flag: '--listen <address>',
    help: 'local address of the socket',
    default: 'loopback for a loopback peer, otherwise any',
    declaration:
      "Where datagrams are received; as text the local address alone, with `receivePort`. Default: loopback for a loopback peer, otherwise the wildcard of the peer's family.",
  },
  accept: {
    form: oneOf('peer', 'any'),
    flag: '--accept <peer|any>',
    help: 'whose datagrams are accepted, by source address',
    default: '`peer`',
    details: 'With `peer` the source port does not matter.',
  },
  offload: {
    form: offloads,
    flag: '--offload <list>',
    negation: { flag: '--no-offload', help: 'one packet, one datagram, no offloads' },
    help: 'kernel offloads to use: `tso,uso,gso,gro`',
    default: 'all available',
    details: 'The packets that come out are the same without them.',
    declaration:
      'Kernel offloads that may be used. Default: `auto`, all that the kernel has; one that it refuses is not used, which `relay.events()` reports.',
  },
  queues: {
    form: queues,
    flag: '--queues <number|auto>',
    help: 'queues of the interface, each with a thread and a socket of its own, 1 to 256',
    default: '`auto`',
    details:
      'The packets of a flow stay in order. `auto` is one more than there are CPUs for a peer on the loopback of this machine, at most 8. Otherwise it is one, also where the kernel does not let this process steer packets (that needs `CAP_BPF`) or the interface was made for one queue.',
  },
  signal: {
    form: signal,
    help: 'aborts the start, and later closes the relay',
    declaration:
      "If it is aborted during the start, everything is rolled back and the start rejects with the signal's reason. If it is aborted later, it closes the relay as `close()` does, and `closed` resolves (as with the `signal` of Node's `server.listen()`).",
  },
})
