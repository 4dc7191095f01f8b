import { Diagnostics } from '../diagnostics.ts'

/** An event of a device that is not an error: a read failed (`read-failed`) and is repeated after a pause. */
export interface DeviceEvent {
  readonly kind: 'read-failed'
  readonly pauseMs: number
}

/** The diagnostics of devices; each message has the type `DeviceDiagnostic` of open.ts. */
export const diagnostics = new Diagnostics<object, DeviceEvent>('device')
