import type { NativeCreateOptions, NativeRemoveOptions } from '#binding'
import { invalidArgument } from '../errors.ts'
import { checkFlag } from './check.ts'
import { checkCloneDevice, checkName } from './interface.ts'
import { checkNamespace } from './namespace.ts'
import { checkId } from './user.ts'

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
    isMultiQueue: checkFlag('multiQueue', options.multiQueue, false),
    hasVnetHeader: checkFlag('vnetHeader', options.vnetHeader, false),
    ...(name === undefined ? {} : { name: checkName(name) }),
    ...(owner === undefined ? {} : { owner: checkId('user', owner) }),
    ...(group === undefined ? {} : { group: checkId('group', group) }),
    ...(netns === undefined ? {} : { netns: checkNamespace(netns) }),
    ...(cloneDevice === undefined ? {} : { cloneDevice: checkCloneDevice(cloneDevice) }),
  }
}

/** Checks the name and the options of a removal. */
export function checkRemoval(name: string, options: RemoveOptions): NativeRemoveOptions {
  checkObject(options)
  const { netns, cloneDevice } = options
  return {
    name: checkName(name),
    ...(netns === undefined ? {} : { netns: checkNamespace(netns) }),
    ...(cloneDevice === undefined ? {} : { cloneDevice: checkCloneDevice(cloneDevice) }),
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
