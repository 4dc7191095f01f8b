import type { NativeDevice, NativeDeviceOptions } from '#binding'
import { throwIfAborted } from '../check/abort.ts'
import { type TapDevice, type TunDevice, newTapDevice, newTunDevice } from './kinds.ts'
import { type DeviceEvent, diagnostics } from './diagnostics.ts'
import type { Diagnostic } from '../diagnostics.ts'
import { type Device, type OpenedOptions, closeNative } from './device.ts'
import { fromNative } from '../errors.ts'
import { loadNative } from '../native/native.ts'
import type { TapOptions, TunOptions } from '../options/declarations.ts'
import { checkDeviceOptions } from './options.ts'

/** The messages of the channel `tun2udp:device` of `node:diagnostics_channel`. */
export type DeviceDiagnostic = Diagnostic<Device, DeviceEvent>

/**
 * Opens a TUN device, and configures its interface.
 *
 * Needs `CAP_NET_ADMIN` in the namespace of the interface, or a persistent device that belongs to the user. If it
 * fails, everything is rolled back.
 *
 * @throws {TunError} an option is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 *
 * @example
 * await using tun = await openTun({ name: 'vpn%d', addresses: ['10.0.0.1/24'] })
 * for await (const packet of tun) console.log(packet.length)
 */
export async function openTun(options: TunOptions = {}): Promise<TunDevice> {
  return open(options, false, newTunDevice)
}

/**
 * Opens a TAP device, and configures its interface; the same as {@link openTun} for Ethernet frames.
 *
 * @throws {TunError} an option is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 */
export async function openTap(options: TapOptions = {}): Promise<TapDevice> {
  return open(options, true, newTapDevice)
}

async function open<D extends Device>(
  options: TapOptions,
  isTap: boolean,
  create: (native: NativeDevice, options: OpenedOptions) => D,
): Promise<D> {
  const { native: checked, highWaterMark, signal } = checkDeviceOptions(options, isTap)
  try {
    const device = create(await openNative(checked, signal), { highWaterMark, signal })
    diagnostics.publish({ type: 'opened', name: device.name, target: device })
    return device
  } catch (error) {
    diagnostics.publish({ type: 'error', name: checked.name ?? '', error })
    throw error
  }
}

async function openNative(
  options: NativeDeviceOptions,
  signal: AbortSignal | undefined,
): Promise<NativeDevice> {
  throwIfAborted(signal)
  const { openDevice } = await loadNative()
  let native
  try {
    native = await openDevice(options)
  } catch (error) {
    throwIfAborted(signal)
    throw fromNative(error)
  }
  if (signal?.aborted) {
    // An opening cannot be interrupted: it is completed and then rolled back.
    await closeNative(native)
    throw signal.reason
  }
  return native
}
