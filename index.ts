/**
 * TUN interfaces and a native relay between them and UDP, for Linux.
 *
 * @packageDocumentation
 */
export { TunError, type TunErrorCode, type TunErrorDetails } from './lib/errors.ts'
export type { RelayInfo, UdpEndpoint } from './lib/info.ts'
export { sdNotify } from './lib/notify.ts'
export { type InterfaceAddress, parseAddress } from './lib/options/address.ts'
export type { Offload, OffloadStatus } from './lib/options/offload.ts'
export type { ListOptions, PersistentOptions, RemoveOptions } from './lib/options/persistent.ts'
export type { RelayEvent, RelayOptions } from './lib/options/relay.ts'
export {
  createPersistent,
  type DeviceInfo,
  type DeviceHolder,
  listDevices,
  type ListedDevice,
  removePersistent,
} from './lib/persistent.ts'
export { Relay } from './lib/relay.ts'
export type { InboundStats, OutboundStats, RelayStats } from './lib/stats.ts'
