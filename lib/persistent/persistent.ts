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
  /** `tun`: IP packets; `tap`: Ethernet frames. */
  readonly mode: 'tun' | 'tap'
  /** Whether it is administratively up. */
  readonly up: boolean
  /** Its MTU in bytes. */
  readonly mtu: number
  /** Whether it remains after the processes that hold it end (`IFF_PERSIST`). */
  readonly persistent: boolean
  /** Whether it may have several queues (`IFF_MULTI_QUEUE`). */
  readonly multiQueue: boolean
  /** Whether each packet is preceded by a packet information header (no `IFF_NO_PI`). */
  readonly packetInformation: boolean
  /** Whether each packet is preceded by a `struct virtio_net_hdr` (`IFF_VNET_HDR`). */
  readonly vnetHeader: boolean
  /** Number of the user who may attach to it without `CAP_NET_ADMIN`; absent if it has no owner. */
  readonly owner?: number
  /** Number of the group whose members may attach to it; absent if it has no group. */
  readonly group?: number
  /** Number of attached and detached queues; multi-queue devices only. */
  readonly queues?: { readonly attached: number; readonly detached: number }
}

/** A device with the processes that hold it. */
export interface ListedDevice extends DeviceInfo {
  /** The processes that hold it, by ascending process id. Processes that this one may not inspect are missing. */
  readonly holders: readonly DeviceHolder[]
}

/**
 * Creates a persistent TUN or TAP device, or makes an existing one persistent: `ip tuntap add`. An existing device
 * keeps its settings, except for the owner and group if given.
 *
 * Needs `CAP_NET_ADMIN`. If it fails, a new device is removed again.
 *
 * @example
 * const { name } = await createPersistent({ mode: 'tap', name: 'vm%d', owner: 'alice' })
 *
 * @throws {TunError} an option is refused, or a step failed: `ERR_TUN_BUSY` if another process holds the device,
 *   `ERR_TUN_DEVICE_MISMATCH` if its mode or queue mode is different.
 */
export async function createPersistent(options: PersistentOptions): Promise<DeviceInfo> {
  const checked = checkPersistent(options)
  return toDevice(await call((native) => native.createPersistent(checked)))
}

/**
 * Ends the persistence of a device: `ip tuntap delete`. The kernel deletes the device once no process holds it.
 *
 * @param name its name, or an alternative name of it.
 * @throws {TunError} an option is refused, or a step failed: `ERR_TUN_NOT_FOUND` if no interface has that name,
 *   `ERR_TUN_DEVICE_MISMATCH` if it is not a TUN or TAP device or not persistent, `ERR_TUN_BUSY` if another process
 *   holds it.
 */
export async function removePersistent(name: string, options: RemoveOptions = {}): Promise<void> {
  const checked = checkRemoval(name, options)
  await call((native) => native.removePersistent(checked))
}

/**
 * Returns all TUN and TAP devices of a network namespace by ascending index, with the processes that hold each: `ip
 * -details link show type tun`. Needs no privileges, except for inspecting other users' processes.
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

/** Returns the public form of a device that the native layer listed. */
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
