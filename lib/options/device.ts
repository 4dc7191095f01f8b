import type { NativeDeviceOptions } from '#binding'
import { TunError, invalidArgument } from '../errors.ts'
import { formatAddress, parseAddress, parseRoute } from './address.ts'
import { checkFlag, checkList, checkNames, checkSignal, checkWhole, optional } from './check.ts'
import { checkCloneDevice, checkMtu, checkName } from './interface.ts'
import { parseMac } from './mac.ts'
import { checkNamespace } from './namespace.ts'
import { checkId } from './user.ts'

/** A kind of super-packets that a device may hand over: TCP (`tso`), or UDP (`uso`, Linux 6.2). */
export type DeviceOffload = 'tso' | 'uso'

/** The options of {@link openTun}. Each is told with its flag and its `ip` command in docs/devices.md. */
export interface TunOptions {
  /** Name of the interface, at most 15 bytes; `%d` in it is the first free number. Default: the kernel's. */
  name?: string | undefined
  /** Path of the driver's clone device. Default: `/dev/net/tun`. */
  cloneDevice?: string | undefined
  /** Network namespace for the interface: a name of ip-netns(8), a path, or a process id. */
  netns?: string | number | undefined
  /** A descriptor that is attached to an interface already. It belongs to the device from then on. */
  fd?: number | undefined
  /** The interface must exist already. */
  attach?: boolean | undefined
  /** The interface must not exist yet (`IFF_TUN_EXCL`). */
  exclusive?: boolean | undefined
  /** Opens one queue of a device that may have several (`IFF_MULTI_QUEUE`); default with `queues` above 1. */
  multiQueue?: boolean | undefined
  /** Queues to open, 1 to 256, which are read and written as one. Default: 1. */
  queues?: number | undefined
  /** The device outlives the process (`TUNSETPERSIST`). Default: as it is, and a new one does not. */
  persist?: boolean | undefined
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
  /** Whether the kernel gives a new interface an IPv6 link-local address. Default: no, and so no packet of its own. */
  linkLocal?: boolean | undefined
  /** A new interface begins without a carrier (`IFF_NO_CARRIER`, Linux 6.0). */
  noCarrier?: boolean | undefined
  /** Index of a new interface, from 1 (`TUNSETIFINDEX`). */
  index?: number | undefined
  /** Link type of the interface, an `ARPHRD_` number of linux/if_arp.h (`TUNSETLINK`). */
  linkType?: number | undefined
  /** Packets that may wait to be read before the kernel drops the next. Default: 500, and 1000 for TAP. */
  txQueueLength?: number | undefined
  /** Bytes written and not yet taken by the stack before a write waits (`TUNSETSNDBUF`). Default: no limit. */
  sendBufferBytes?: number | undefined
  /** Packets written go through NAPI (`IFF_NAPI`, Linux 4.15). */
  napi?: boolean | undefined
  /**
   * Super-packets that the kernel may hand over, which are cut into ordinary packets: all it has (`auto`, the
   * default), none, or those of a list. Packets written by `writeBatch` are joined likewise.
   */
  offload?: 'auto' | false | readonly DeviceOffload[] | undefined
  /** Bytes of the vnet header between kernel and library: 10, 12, 20 or 24 (`TUNSETVNETHDRSZ`). Default: 10. */
  vnetHeaderBytes?: number | undefined
  /** Packets have the four bytes of `struct tun_pi` before them, both ways. It takes `offload: false`. */
  packetInformation?: boolean | undefined
  /**
   * Whether packets that keep coming are read several at a time, by io_uring(7), where the kernel lets this process
   * (Linux 5.18). Default: yes. Without it each is a call of read(2).
   */
  ioUring?: boolean | undefined
  /** Packets read from the device ahead of who asks for them, at most, 1 to 4096. Default: 256. */
  highWaterMark?: number | undefined
  /** Aborts the opening: nothing is left behind, and it rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** The options of {@link openTap}. */
export interface TapOptions extends TunOptions {
  /** Ethernet address of the interface, `02:00:00:00:00:01`. Default: one that the kernel draws. */
  mac?: string | undefined
  /** Frames written may be given in fragments to GRO (`IFF_NAPI_FRAGS`, Linux 4.15); it takes `napi`. */
  napiFrags?: boolean | undefined
}

/** Options that are checked. */
export interface CheckedDeviceOptions {
  native: NativeDeviceOptions
  highWaterMark: number
}

/** `UV_POLL` batches of more packets would keep the event loop too long. */
const HIGH_WATER_MARK_MAX = 4096
const HIGH_WATER_MARK_DEFAULT = 256
/** `MAX_TAP_QUEUES` of drivers/net/tun.c. */
export const QUEUES_MAX = 256
const INT_MAX = 2_147_483_647
const VNET_HEADER_SIZES: readonly unknown[] = [10, 12, 20, 24]
const OFFLOADS: readonly string[] = ['tso', 'uso']

/**
 * Checks all options before anything is touched.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkDeviceOptions(options: TapOptions, isTap: boolean): CheckedDeviceOptions {
  const given = options as unknown
  if (typeof given !== 'object' || given === null)
    throw invalidArgument('options', given, 'an object')
  checkSignal(options.signal)
  const highWaterMark = options.highWaterMark ?? HIGH_WATER_MARK_DEFAULT
  const native = {
    isTap,
    ...checkFlags(options),
    ...checkHeaders(options),
    ...checkConfiguration(options),
  }
  checkCompanions(options, isTap)
  return {
    native,
    highWaterMark: checkWhole('highWaterMark', highWaterMark, 1, HIGH_WATER_MARK_MAX),
  }
}

/** How the device is opened. */
function checkFlags(options: TapOptions) {
  return {
    ...optional('name', options.name, checkName),
    ...optional('cloneDevice', options.cloneDevice, checkCloneDevice),
    ...optional('netns', options.netns, checkNamespace),
    ...optional('fd', options.fd, (fd) => checkWhole('fd', fd, 0, INT_MAX)),
    mustExist: checkFlag('attach', options.attach, false),
    exclusive: checkFlag('exclusive', options.exclusive, false),
    noCarrier: checkFlag('noCarrier', options.noCarrier, false),
    napi: checkFlag('napi', options.napi, false),
    napiFrags: checkFlag('napiFrags', options.napiFrags, false),
    multiQueue: checkFlag('multiQueue', options.multiQueue, (options.queues ?? 1) > 1),
    queues: checkWhole('queues', options.queues ?? 1, 1, QUEUES_MAX),
    ioUring: checkFlag('ioUring', options.ioUring, true),
    ...optional('index', options.index, (index) => checkWhole('index', index, 1, INT_MAX)),
  }
}

/** What stands before a packet, and which packets are super-packets. */
function checkHeaders(options: TapOptions) {
  const packetInformation = checkFlag('packetInformation', options.packetInformation, false)
  const offloads = checkOffloads(options.offload ?? (packetInformation ? false : 'auto'))
  const { vnetHeaderBytes } = options
  if (vnetHeaderBytes !== undefined && !VNET_HEADER_SIZES.includes(vnetHeaderBytes))
    throw invalidArgument('vnetHeaderBytes', vnetHeaderBytes, '10, 12, 20 or 24')
  const hasHeader = offloads.length > 0 || vnetHeaderBytes !== undefined
  if (packetInformation && hasHeader) {
    throw new TunError(
      'Invalid packetInformation true: expected no offload and no vnet header with it; leave those out',
      { code: 'ERR_TUN_INVALID_ARGUMENT', subject: 'packetInformation' },
    )
  }
  return {
    packetInformation,
    tso: offloads.includes('tso'),
    uso: offloads.includes('uso'),
    ...(hasHeader ? { vnetHeaderBytes: vnetHeaderBytes ?? 10 } : {}),
  }
}

/** What the interface becomes. */
function checkConfiguration(options: TapOptions) {
  return {
    addresses: checkList('addresses', options.addresses ?? []).map((address) =>
      formatAddress(parseAddress(address)),
    ),
    routes: checkList('routes', options.routes ?? []).map((route) =>
      formatAddress(parseRoute(route)),
    ),
    up: checkFlag('up', options.up, true),
    linkLocal: checkFlag('linkLocal', options.linkLocal, false),
    ...optional('mtu', options.mtu, checkMtu),
    ...optional('mac', options.mac, (mac) => [...parseMac(mac)]),
    ...optional('linkType', options.linkType, (type) => checkWhole('linkType', type, 0, 65_535)),
    ...optional('txQueueLength', options.txQueueLength, (length) =>
      checkWhole('txQueueLength', length, 0, INT_MAX),
    ),
    ...optional('sendBufferBytes', options.sendBufferBytes, (bytes) =>
      checkWhole('sendBufferBytes', bytes, 1, INT_MAX),
    ),
    ...optional('owner', options.owner, (owner) => checkId('user', owner)),
    ...optional('group', options.group, (group) => checkId('group', group)),
    ...optional('persist', options.persist, (persist) => checkFlag('persist', persist, false)),
  }
}

function checkOffloads(offload: unknown): readonly string[] {
  if (offload === 'auto') return OFFLOADS
  if (offload === false) return []
  return checkNames('offload', offload, OFFLOADS, '"auto", false or a list of "tso", "uso"')
}

/** What a descriptor that is taken over has already. */
const OF_DESCRIPTOR = [
  'name',
  'cloneDevice',
  'netns',
  'exclusive',
  'multiQueue',
  'queues',
  'index',
] as const

/** Options that exclude each other, or mean something only together. */
function checkCompanions(options: TapOptions, isTap: boolean): void {
  const { mac, napi, napiFrags, attach, exclusive, name, fd, multiQueue, queues } = options
  const beside = OF_DESCRIPTOR.find((option) => options[option] !== undefined)
  const problems: [isThere: boolean | undefined, option: string, problem: string][] = [
    [!isTap && mac !== undefined, 'mac', 'a TUN device has no MAC address; use openTap()'],
    [!isTap && napiFrags, 'napiFrags', 'it is for TAP devices; use openTap()'],
    [napiFrags && !napi, 'napiFrags', 'it takes napi: true beside it'],
    [attach && exclusive, 'exclusive', 'an interface cannot both exist and not; leave attach out'],
    [
      multiQueue === false && queues !== undefined && queues > 1,
      'multiQueue',
      'several queues take a device of several; leave it out',
    ],
    [attach && name === undefined && fd === undefined, 'attach', 'it takes a name beside it'],
    [
      fd !== undefined && beside !== undefined,
      String(beside),
      'a descriptor that is taken over has its own; leave it out',
    ],
  ]
  const found = problems.find(([isThere]) => isThere)
  if (!found) return
  const [, subject, problem] = found
  throw new TunError(`Invalid ${subject}: ${problem}`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    subject,
  })
}
