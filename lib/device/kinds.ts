import type { NativeDevice } from '#binding'
import { KEY, checkKey } from '../lifetime/constructing.ts'
import { Device, type OpenedOptions } from './device.ts'
import { type BpfInstruction, type MacFilter, checkMacFilter, checkProgram } from './filter.ts'

type New<D> = (native: NativeDevice, options: OpenedOptions) => D

/** Makes the object of a TUN device that was opened. */
export let newTunDevice: New<TunDevice>
/** Makes the object of a TAP device that was opened. */
export let newTapDevice: New<TapDevice>

/** An open TUN device: its packets are IPv4 and IPv6 packets. */
export class TunDevice extends Device {
  /** IP packets. */
  readonly mode = 'tun'

  private constructor(key: typeof KEY, native: NativeDevice, options: OpenedOptions) {
    checkKey(key, 'TunDevice', 'openTun()')
    super(key, native, options)
  }

  static {
    newTunDevice = (native, options) => new TunDevice(KEY, native, options)
  }
}

/** An open TAP device: its packets are Ethernet frames. */
export class TapDevice extends Device {
  /** Ethernet frames. */
  readonly mode = 'tap'

  private constructor(key: typeof KEY, native: NativeDevice, options: OpenedOptions) {
    checkKey(key, 'TapDevice', 'openTap()')
    super(key, native, options)
  }

  static {
    newTapDevice = (native, options) => new TapDevice(KEY, native, options)
  }

  /**
   * Picks the frames that come to the reader by their destination (`TUNSETTXFILTER`); `undefined`: all of them.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: no address, or more single stations than the driver tells apart.
   */
  async setMacFilter(filter: MacFilter | undefined): Promise<void> {
    const checked = filter === undefined ? undefined : checkMacFilter(filter)
    await this.control('set the MAC filter of', (native) => native.setStationFilter(checked))
  }

  /**
   * Drops each frame for whose bytes a classic BPF program answers 0 (`TUNATTACHFILTER`); `undefined`: none any more
   * (`TUNDETACHFILTER`). The program goes with this object, also where the interface stays.
   */
  async setFilter(program: readonly BpfInstruction[] | undefined): Promise<void> {
    const checked = program === undefined ? undefined : checkProgram(program)
    await this.control('set the filter of', (native) => native.setFilter(checked))
  }
}
