import type { NativeDevice } from '#binding'
import { KEY, checkKey } from '../lifetime/constructing.ts'
import { Device, type OpenedOptions } from './device.ts'
import { type BpfInstruction, type MacFilter, checkMacFilter, checkProgram } from './filter.ts'

type New<D> = (native: NativeDevice, options: OpenedOptions) => D

/** Creates the object of an opened TUN device. */
export let newTunDevice: New<TunDevice>
/** Creates the object of an opened TAP device. */
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
   * Sets which frames the reader gets, by their destination (`TUNSETTXFILTER`); `undefined`: all frames.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: no address, or more unicast stations than the driver distinguishes.
   */
  async setMacFilter(filter: MacFilter | undefined): Promise<void> {
    const checked = filter === undefined ? undefined : checkMacFilter(filter)
    await this.control('set the MAC filter of', (native) => native.setStationFilter(checked))
  }

  /**
   * Drops each frame for which a classic BPF program returns 0 (`TUNATTACHFILTER`). `undefined` removes the program
   * (`TUNDETACHFILTER`). The program is removed with this object, even if the interface remains.
   */
  async setFilter(program: readonly BpfInstruction[] | undefined): Promise<void> {
    const checked = program === undefined ? undefined : checkProgram(program)
    await this.control('set the filter of', (native) => native.setFilter(checked))
  }
}
