import { QUEUES_MAX } from '../check/limits.ts'
import { checkNames } from '../check/list.ts'
import { invalidArgument } from '../errors.ts'
import {
  checked,
  cloneDevicePath,
  idOf,
  interfaceName,
  mtuBytes,
  namespace,
  oneOf,
  signal,
  whole,
  yesOrNo,
} from '../options/forms.ts'
import { interfaceAddresses, networks } from '../options/addressForms.ts'
import { parseMac } from '../check/mac.ts'
import { type Form, options } from '../options/table.ts'

/** Larger `UV_POLL` batches would block the event loop too long. */
const HIGH_WATER_MARK_MAX = 4096

/** The offloads of a device. */
export const DEVICE_OFFLOADS = ['tso', 'uso', 'coalesce'] as const

/**
 * An offload of a device: TCP super-packets (`tso`), UDP super-packets (`uso`, Linux 6.2), and coalescing written
 * packets into such super-packets (`coalesce`, which needs one of the others).
 */
export type DeviceOffload = (typeof DEVICE_OFFLOADS)[number]

const offloads: Form<readonly DeviceOffload[]> = {
  type: "'auto' | false | readonly DeviceOffload[]",
  check: (what, value) => {
    if (value === 'auto') return DEVICE_OFFLOADS
    if (value === false) return []
    const expected = '"auto", false or a list of "tso", "uso", "coalesce"'
    return checkNames(what, value, DEVICE_OFFLOADS, expected)
  },
}

const VNET_HEADER_BYTES = [10, 12, 20, 24]
const vnetHeaderBytes: Form<number> = {
  type: 'number',
  check: (what, value) => {
    if (VNET_HEADER_BYTES.includes(value as number)) return value as number
    throw invalidArgument(what, value, '10, 12, 20 or 24')
  },
}

const TUN = {
  name: {
    form: interfaceName,
    help: 'name of the interface, at most 15 bytes; `%d` in it is the first free number',
    default: "the kernel's",
  },
  cloneDevice: {
    form: cloneDevicePath,
    help: "path of the driver's clone device",
    default: '`/dev/net/tun`',
  },
  netns: {
    form: namespace,
    help: 'network namespace for the interface: a name of ip-netns(8), a path, a process id, or `name:NAME` or `pid:N`',
  },
  fd: {
    form: whole(0),
    help: 'a descriptor that is attached to an interface already',
    details: 'It belongs to the device from then on.',
  },
  create: {
    form: oneOf('if-missing', 'always', 'never'),
    help: 'whether the interface is created: if there is none of that name (`if-missing`), in any case, so that an existing one is refused (`always`, `IFF_TUN_EXCL`), or not at all, so that it must exist (`never`)',
    default: '`if-missing`',
  },
  multiQueue: {
    form: yesOrNo,
    help: 'opens one queue of a device that may have several (`IFF_MULTI_QUEUE`)',
    default: 'with `queues` above 1',
  },
  queues: {
    form: whole(1, QUEUES_MAX),
    help: 'queues to open, 1 to 256, which are read and written as one',
    default: '1',
  },
  persistent: {
    form: yesOrNo,
    help: 'whether the device outlives the process (`TUNSETPERSIST`)',
    default: 'as it is, and a new one does not',
  },
  owner: {
    form: idOf('user'),
    help: 'user, by name or number, who may attach to the device without privileges (`TUNSETOWNER`)',
  },
  group: {
    form: idOf('group'),
    help: 'group, by name or number, whose members may attach to it without privileges (`TUNSETGROUP`)',
  },
  addresses: { form: interfaceAddresses, help: 'addresses of the interface, `ADDRESS[/PREFIX]`' },
  routes: { form: networks, help: 'networks to route into the interface, `NETWORK[/PREFIX]`' },
  mtu: {
    form: mtuBytes,
    help: 'MTU in bytes, 68 to 65535',
    default: 'as it is, and 1500 for a new one',
  },
  up: { form: yesOrNo, help: 'whether the interface is brought up, or down', default: 'up' },
  linkLocal: {
    form: yesOrNo,
    help: 'whether the kernel gives a new interface an IPv6 link-local address',
    default: 'no, and so it sends no packet of its own',
  },
  noCarrier: {
    form: yesOrNo,
    help: 'a new interface begins without a carrier (`IFF_NO_CARRIER`, Linux 6.0)',
  },
  ifIndex: { form: whole(1), help: 'index of a new interface, from 1 (`TUNSETIFINDEX`)' },
  linkType: {
    form: whole(0, 65_535),
    help: 'link type of the interface, an `ARPHRD_` number of linux/if_arp.h (`TUNSETLINK`)',
  },
  txQueueLength: {
    form: whole(0),
    help: 'packets that may wait to be read before the kernel drops the next',
    default: '500, and 1000 for TAP',
  },
  sendBufferBytes: {
    form: whole(1),
    help: 'bytes written and not yet taken by the stack before a write waits (`TUNSETSNDBUF`)',
    default: 'no limit',
  },
  napi: { form: yesOrNo, help: 'packets written go through NAPI (`IFF_NAPI`, Linux 4.15)' },
  offload: {
    form: offloads,
    help: 'super-packets that the kernel may pass on, which are split into ordinary packets: all it has, none, or those of a list',
    default: '`auto`, all it has',
    details: 'Packets written by `writeBatch` are coalesced likewise, with `coalesce`.',
  },
  vnetHeaderBytes: {
    form: vnetHeaderBytes,
    help: 'bytes of the vnet header between kernel and library: 10, 12, 20 or 24 (`TUNSETVNETHDRSZ`)',
    default: '10',
  },
  packetInformation: {
    form: yesOrNo,
    help: 'packets have the four bytes of `struct tun_pi` before them, in both directions',
    details: 'It needs `offload: false`.',
  },
  ioUring: {
    form: yesOrNo,
    help: 'whether packets that keep arriving are read several at a time, by io_uring(7), where the kernel lets this process (Linux 5.18)',
    default: 'yes',
    details: 'Otherwise each packet is one call of read(2).',
  },
  highWaterMark: {
    form: whole(1, HIGH_WATER_MARK_MAX),
    help: 'packets read from the device ahead of their reader, at most, 1 to 4096',
    default: '256',
  },
  signal: {
    form: signal,
    help: 'aborts the opening, and later closes the device',
    declaration:
      "If it is aborted while the device is opened, everything is rolled back and the promise rejects with the signal's reason. If it is aborted later, it closes the device as `close()` does.",
  },
} as const

const TAP_ONLY = {
  macAddress: {
    form: checked('string', (address) => [...parseMac(address)]),
    help: 'Ethernet address of the interface, `02:00:00:00:00:01`',
    default: 'a random one that the kernel chooses',
  },
  napiFrags: {
    form: yesOrNo,
    help: 'frames written may be passed in fragments to GRO (`IFF_NAPI_FRAGS`, Linux 4.15)',
    details: 'It needs `napi`.',
  },
} as const

/** The options of `openTun()`. */
export const TUN_OPTIONS = options(TUN)
/** The options that only `openTap()` has. */
export const TAP_ONLY_OPTIONS = options(TAP_ONLY)
/** The options of both. Those for TAP only are refused for TUN with their own message. */
export const DEVICE_OPTIONS = options({ ...TUN, ...TAP_ONLY })
