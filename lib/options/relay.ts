import type { NativeOffload } from '#binding'
import { invalidArgument } from '../errors.ts'
import { formatAddress, parseAddress, parseRoute } from './address.ts'
import { checkList, checkSignal, checkWhole, optional } from './check.ts'
import { checkMtu, checkName } from './interface.ts'
import { checkNamespace } from './namespace.ts'
import { type Offload, checkOffload, checkQueues } from './offload.ts'
import { checkListen, checkPeer } from './peer.ts'
import { checkUser } from './user.ts'

/** Something that happened to a relay and is no error: it took a slower path, or a faster one again. */
export interface RelayEvent {
  /** What kind of thing happened, as a stable name. */
  readonly kind: string
  /** The same in words, on one line. */
  readonly message: string
}

/** The options of {@link Relay.start}; the program has the same under the same names. */
export interface RelayOptions {
  /** Addresses of the interface, `ADDRESS[/PREFIX]`, the first one the primary; default prefix 32 or 128. */
  addresses: readonly string[]
  /** UDP port of the peer, 1 to 65535. */
  sendPort: number
  /** UDP port of this end, 0 to 65535; 0 lets the kernel choose, and `relay.info.local` tells it. */
  receivePort: number
  /** Name of the interface, at most 15 bytes; `%d` in it is the first free number. Default: the kernel's, `tun%d`. */
  name?: string | undefined
  /**
   * MTU of the interface in bytes, 68 to 65535. Default: 1500 for a peer on this machine, else the MTU of
   * the route to it less the headers of IP and UDP, so that no datagram is fragmented.
   */
  mtu?: number | undefined
  /** Networks to route into the interface, `NETWORK[/PREFIX]`. */
  routes?: readonly string[] | undefined
  /** The other end: an IPv4 or IPv6 address, or a name, which is resolved once. Default: `127.0.0.1`. */
  peer?: string | undefined
  /** Local address of the socket. Default: loopback for a loopback peer, else the wildcard of the peer's family. */
  listen?: string | undefined
  /** Whose datagrams are taken: those from the peer's address, whatever their port, or anybody's. Default: `peer`. */
  accept?: 'peer' | 'any' | undefined
  /**
   * Network namespace for the interface, while the socket stays in this one: a name of ip-netns(8), a path,
   * or a process id (a number, or digits alone).
   */
  netns?: string | number | undefined
  /** User, by name or number, that the whole process becomes once the relay is set up, without any capability. */
  user?: string | undefined
  /** Group that goes with `user`. Default: the user's own. */
  group?: string | undefined
  /**
   * Which of the kernel's shortcuts may be used. Default: `auto`, all that the kernel has; what it refuses
   * is done without, and told to `onEvent`.
   */
  offload?: 'auto' | false | readonly Offload[] | undefined
  /**
   * Queues of the interface, each with a thread and a socket of its own, 1 to 256. The packets of a flow
   * stay in order. Default: `auto`, as many as pay: for a peer on this machine's loopback one more than there
   * are CPUs, at most 8, else one; and one where the kernel does not let this process steer packets (it
   * takes CAP_BPF) or the interface was made for one.
   */
  queues?: number | 'auto' | undefined
  /**
   * Aborted during the start, nothing is left behind and the start rejects with the signal's reason.
   * Aborted later, it closes the relay as `close()` does, and `closed` resolves (as with the `signal` of
   * Node's `server.listen()`).
   */
  signal?: AbortSignal | undefined
  /** Called for what is worth knowing and is no error. */
  onEvent?: ((event: RelayEvent) => void) | undefined
}

/** Options that are checked: every text is of its form; only the peer is not resolved yet. */
export interface CheckedOptions {
  addresses: string[]
  sendPort: number
  receivePort: number
  name?: string
  mtu?: number
  routes: string[]
  peer: string
  listen?: string
  acceptAny: boolean
  netns?: string
  /** `NAME[:GROUP]` */
  user?: string
  offload: NativeOffload
  /** 0: as many as pay. */
  queues: number
}

/**
 * Checks all options before anything is touched.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkOptions(options: RelayOptions): CheckedOptions {
  // What JavaScript hands over has not been seen by a compiler.
  const given = options as unknown
  if (typeof given !== 'object' || given === null)
    throw invalidArgument('options', given, 'an object')
  checkCompanions(options)
  return {
    addresses: checkAddresses(options.addresses),
    sendPort: checkWhole('sendPort', options.sendPort, 1, 65_535),
    receivePort: checkWhole('receivePort', options.receivePort, 0, 65_535),
    routes: checkList('routes', options.routes ?? []).map((route) =>
      formatAddress(parseRoute(route)),
    ),
    peer: checkPeer(options.peer ?? '127.0.0.1'),
    acceptAny: checkAccept(options.accept) === 'any',
    offload: checkOffload(options.offload),
    queues: checkQueues(options.queues),
    ...optional('name', options.name, checkName),
    ...optional('mtu', options.mtu, checkMtu),
    ...optional('listen', options.listen, checkListen),
    ...optional('netns', options.netns, checkNamespace),
    ...optional('user', options.user, (user) => checkUser(user, options.group)),
  }
}

function checkAddresses(addresses: unknown): string[] {
  const parsed = checkList('addresses', addresses).map((address) => parseAddress(address))
  if (parsed.length === 0)
    throw invalidArgument('addresses', addresses, 'at least one ADDRESS[/PREFIX]')
  return parsed.map((address) => formatAddress(address))
}

function checkAccept(accept: unknown): 'peer' | 'any' {
  if (accept === undefined || accept === 'peer') return 'peer'
  if (accept === 'any') return 'any'
  throw invalidArgument('accept', accept, '"peer" or "any"')
}

/** Options that mean something only together with others, or are not data. */
function checkCompanions({ user, group, signal, onEvent }: RelayOptions): void {
  if (group !== undefined && user === undefined) {
    throw invalidArgument('group', group, 'a user with it; give the user too')
  }
  checkSignal(signal)
  if (onEvent !== undefined && typeof (onEvent as unknown) !== 'function') {
    throw invalidArgument('onEvent', onEvent, 'a function')
  }
}
