import type { NativeCreateOptions, NativeRemoveOptions } from '#binding'
import { invalidArgument } from '../errors.ts'
import { checkName } from './interface.ts'
import { checkNamespace } from './namespace.ts'
import { checkPrincipal } from './user.ts'

/** The largest number of a user or group: the kernel's 2^32 - 1 means none. */
const ID_MAX = 4_294_967_294

/** The longest path, `PATH_MAX` of linux/limits.h, with its trailing NUL. */
const PATH_MAX = 4096

/** The options of {@link createPersistent}. */
export interface PersistentOptions {
  /** IP packets (`tun`, `IFF_TUN`) or Ethernet frames (`tap`, `IFF_TAP`). */
  mode: 'tun' | 'tap'
  /** Name of the device, at most 15 bytes; `%d` in it is the first free number. Default: `tun%d` or `tap%d`. */
  name?: string | undefined
  /** User, by name or number, who may attach to it without `CAP_NET_ADMIN`. Default: as it is. */
  owner?: string | number | undefined
  /** Group, by name or number, whose members may attach to it. Default: as it is. */
  group?: string | number | undefined
  /** Whether it may have several queues (`IFF_MULTI_QUEUE`). Default: false. */
  multiQueue?: boolean | undefined
  /**
   * Whether each packet is preceded by a `struct virtio_net_hdr` (`IFF_VNET_HDR`). Default: false; a device
   * that is there already keeps what it has.
   */
  vnetHeader?: boolean | undefined
  /** Network namespace: a name of ip-netns(8), a path, or a process id. Default: this thread's. */
  netns?: string | number | undefined
  /** Path of the clone device. Default: `/dev/net/tun`. */
  cloneDevice?: string | undefined
}

/** The options of {@link removePersistent}. */
export interface RemoveOptions {
  /** Network namespace: a name of ip-netns(8), a path, or a process id. Default: this thread's. */
  netns?: string | number | undefined
  /** Path of the clone device. Default: `/dev/net/tun`. */
  cloneDevice?: string | undefined
}

/** The options of {@link listDevices}. */
export interface ListOptions {
  /** Network namespace: a name of ip-netns(8), a path, or a process id. Default: this thread's. */
  netns?: string | number | undefined
}

/**
 * Checks all options before anything is touched.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkPersistent(options: PersistentOptions): NativeCreateOptions {
  checkObject(options)
  const { name, owner, group, netns, cloneDevice } = options
  return {
    isTap: checkMode(options.mode) === 'tap',
    isMultiQueue: checkFlag('multiQueue', options.multiQueue),
    hasVnetHeader: checkFlag('vnetHeader', options.vnetHeader),
    ...(name === undefined ? {} : { name: checkName(name) }),
    ...(owner === undefined ? {} : { owner: checkId('user', owner) }),
    ...(group === undefined ? {} : { group: checkId('group', group) }),
    ...(netns === undefined ? {} : { netns: checkNamespace(netns) }),
    ...(cloneDevice === undefined ? {} : { cloneDevice: checkPath(cloneDevice) }),
  }
}

/** Checks the name and the options of a removal. */
export function checkRemoval(name: string, options: RemoveOptions): NativeRemoveOptions {
  checkObject(options)
  const { netns, cloneDevice } = options
  return {
    name: checkName(name),
    ...(netns === undefined ? {} : { netns: checkNamespace(netns) }),
    ...(cloneDevice === undefined ? {} : { cloneDevice: checkPath(cloneDevice) }),
  }
}

/** Checks the options of a listing; gives the namespace. */
export function checkListing(options: ListOptions): string | undefined {
  checkObject(options)
  return options.netns === undefined ? undefined : checkNamespace(options.netns)
}

function checkObject(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument('options', options, 'an object')
}

function checkMode(mode: unknown): 'tun' | 'tap' {
  if (mode === 'tun' || mode === 'tap') return mode
  throw invalidArgument('mode', mode, '"tun" or "tap"')
}

function checkFlag(what: string, value: unknown): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  throw invalidArgument(what, value, 'true or false')
}

function checkId(what: 'user' | 'group', id: unknown): string {
  if (typeof id !== 'number') return checkPrincipal(what, id)
  if (Number.isInteger(id) && id >= 0 && id <= ID_MAX) return String(id)
  throw invalidArgument(what, id, `a name, or a whole number from 0 to ${ID_MAX}`)
}

function checkPath(path: unknown): string {
  const isPath = typeof path === 'string' && path !== '' && !path.includes('\0')
  if (isPath && Buffer.byteLength(path) < PATH_MAX) return path
  throw invalidArgument('cloneDevice', path, 'the path of a device node, such as "/dev/net/tun"')
}
