import { type Diagnostic, Diagnostics } from '../diagnostics.ts'
import type { Device } from '../device.ts'

/**
 * Something that happened to a device and is not an error: a read failed (`read-failed`), and is repeated after a
 * pause.
 */
export interface DeviceEvent {
  readonly kind: 'read-failed'
  readonly pauseMs: number
}

/** What the channel `tun2udp:device` of `node:diagnostics_channel` carries. */
export type DeviceDiagnostic = Diagnostic<Device, DeviceEvent>

/** The diagnostics of devices. */
export const diagnostics = new Diagnostics<Device, DeviceEvent>('device')
