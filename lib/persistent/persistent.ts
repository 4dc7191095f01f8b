import type { NativeListedDevice } from '#binding'
import { fromNative } from '../errors.ts'
import { type Native, loadNative } from '../native/native.ts'
import type { ListOptions, PersistentOptions, RemoveOptions } from '../options/declarations.ts'
import { LIST, checkPersistent, checkRemoval } from './options.ts'

/** A process that has a queue of a device open. */
export interface DeviceHolder {
  /** Its process id. */
  readonly pid: number
  /** Its command name, at most 15 bytes (`/proc/PID/comm`). */
  readonly command: string
}

/** A TUN or TAP device, as the kernel describes it. */
export interface DeviceInfo {
  /** Its name, as the kernel gave it. */
  readonly name: string
  /** Its index in its network namespace. */
  readonly ifIndex: number
  /** IP packets or Ethernet frames. */
  readonly mode: 'tun' | 'tap'
  /** Whether it was told to be up. */
  readonly up: boolean
  /** Its MTU in bytes. */
  readonly mtu: number
  /** Whether it outlives the processes that hold it (`IFF_PERSIST`). */
  readonly persistent: boolean
  /** Whether it may have several queues (`IFF_MULTI_QUEUE`). */
  readonly multiQueue: boolean
  /** Whether each packet is preceded by a packet information header (no `IFF_NO_PI`). */
  readonly packetInformation: boolean
  /** Whether each packet is preceded by a `struct virtio_net_hdr` (`IFF_VNET_HDR`). */
  readonly vnetHeader: boolean
  /** Number of the user who may attach to it without `CAP_NET_ADMIN`; absent where there is none. */
  readonly owner?: number
  /** Number of the group whose members may attach to it; absent where there is none. */
  readonly group?: number
  /** Queues of a device that may have several: attached, and there but switched off. */
  readonly queues?: { readonly attached: number; readonly detached: number }
}

/** A device with who holds it. */
export interface ListedDevice extends DeviceInfo {
  /** The processes that hold it, by rising process id; only those that this process may look into. */
  readonly holders: readonly DeviceHolder[]
}

/**
 * Makes a TUN or TAP device that outlives this process: `ip tuntap add`.
 *
 * A device of that name that is there already is made persistent and stays as it is but for the owner and
 * group given. Needs `CAP_NET_ADMIN`; whatever makes it fail, no new device is left behind.
 *
 * @example
 * const { name } = await createPersistent({ mode: 'tap', name: 'vm%d', owner: 'alice' })
 *
 * @throws {TunError} an option is refused, or a step failed: `ERR_TUN_BUSY` where another process holds the
 * device, `ERR_TUN_DEVICE_MISMATCH` where it is of another mode or queue mode.
 */
export async function createPersistent(options: PersistentOptions): Promise<DeviceInfo> {
  const checked = checkPersistent(options)
  return toDevice(await call((native) => native.createPersistent(checked)))
}

/**
 * Ends the persistence of a device, and with it the device once nobody holds it: `ip tuntap delete`.
 *
 * @param name its name, or an alternative name of it.
 * @throws {TunError} an option is refused, or a step failed: `ERR_TUN_NOT_FOUND` where there is none of that
 * name, `ERR_TUN_DEVICE_MISMATCH` where it is no TUN or TAP device or not persistent, `ERR_TUN_BUSY` where
 * another process holds it.
 */
export async function removePersistent(name: string, options: RemoveOptions = {}): Promise<void> {
  const checked = checkRemoval(name, options)
  await call((native) => native.removePersistent(checked))
}

/**
 * All TUN and TAP devices of a network namespace by rising index, with the processes that hold each:
 * `ip -details link show type tun`. Needs no privilege but for looking into other users' processes.
 *
 * @throws {TunError} an option is refused, or the namespace cannot be entered.
 */
export async function listDevices(options: ListOptions = {}): Promise<ListedDevice[]> {
  const { netns } = LIST.check(options)
  const listed = await call((native) => native.listDevices(netns))
  return listed.map((device) => ({ ...toDevice(device), holders: device.holders }))
}

async function call<T>(work: (native: Native) => Promise<T>): Promise<T> {
  const native = await loadNative()
  try {
    return await work(native)
  } catch (error) {
    throw fromNative(error)
  }
}

/** The public shape of what the native layer tells of a device. */
function toDevice(native: NativeListedDevice): DeviceInfo {
  const { owner, group, attachedQueues: attached, detachedQueues: detached } = native
  return {
    name: native.name,
    ifIndex: native.index,
    mode: native.isTap ? 'tap' : 'tun',
    up: native.isUp,
    mtu: native.mtu,
    persistent: native.isPersistent,
    multiQueue: native.isMultiQueue,
    packetInformation: native.hasPacketInformation,
    vnetHeader: native.hasVnetHeader,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    ...(attached === undefined || detached === undefined ? {} : { queues: { attached, detached } }),
  }
}
