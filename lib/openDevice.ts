import { throwIfAborted } from './check/abort.ts'
import { TapDevice, TunDevice } from './device.ts'
import { fromNative } from './errors.ts'
import { loadNative } from './native.ts'
import type { TapOptions, TunOptions } from './options/declarations.ts'
import { checkDeviceOptions } from './options/device.ts'

/**
 * Opens a TUN device, and configures its interface.
 *
 * Needs CAP_NET_ADMIN in the namespace of the interface, or a persistent device that belongs to the user.
 * Whatever makes it fail, nothing is left behind.
 *
 * @throws {TunError} an option is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 *
 * @example
 * await using tun = await openTun({ name: 'vpn%d', addresses: ['10.0.0.1/24'] })
 * for await (const packet of tun) console.log(packet.length)
 */
export async function openTun(options: TunOptions = {}): Promise<TunDevice> {
  const { native, highWaterMark } = await open(options, false)
  return new TunDevice(native, highWaterMark)
}

/**
 * Opens a TAP device, and configures its interface; the same as {@link openTun} for Ethernet frames.
 *
 * @throws {TunError} an option is refused, or a step failed.
 * @throws the reason of `options.signal` when it was aborted.
 */
export async function openTap(options: TapOptions = {}): Promise<TapDevice> {
  const { native, highWaterMark } = await open(options, true)
  return new TapDevice(native, highWaterMark)
}

async function open(options: TapOptions, isTap: boolean) {
  const { native: checked, highWaterMark, signal } = checkDeviceOptions(options, isTap)
  throwIfAborted(signal)
  const { openDevice } = await loadNative()
  let native
  try {
    native = await openDevice(checked)
  } catch (error) {
    throwIfAborted(signal)
    throw fromNative(error)
  }
  if (signal?.aborted) {
    // An opening cannot be broken off half-way: so that nothing stays behind, it is completed and undone.
    native.close()
    throw signal.reason
  }
  return { native, highWaterMark }
}
