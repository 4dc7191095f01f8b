/**
 * TUN interfaces and a native relay between them and UDP, for Linux.
 *
 * @packageDocumentation
 */
export {
  type BatchOptions,
  Device,
  type DeviceOffloads,
  type ReadOptions,
  TapDevice,
  TunDevice,
  openTap,
  openTun,
} from './lib/device.ts'
export { BatchError, type RefusedPacket } from './lib/device/sink.ts'
export type { PackedBatch } from './lib/device/source.ts'
export { TunError, type TunErrorCode, type TunErrorDetails } from './lib/errors.ts'
export type { RelayInfo, UdpEndpoint } from './lib/info.ts'
export { sdNotify } from './lib/notify.ts'
export { type InterfaceAddress, parseAddress } from './lib/options/address.ts'
export type { DeviceOffload, TapOptions, TunOptions } from './lib/options/device.ts'
export type { Offload, OffloadStatus } from './lib/options/offload.ts'
export type { RelayEvent, RelayOptions } from './lib/options/relay.ts'
export { Relay } from './lib/relay.ts'
export type { InboundStats, OutboundStats, RelayStats } from './lib/stats.ts'
