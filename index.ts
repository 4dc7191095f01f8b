/**
 * TUN interfaces and a native relay between them and UDP, for Linux.
 *
 * @packageDocumentation
 */
export { Device, type DeviceOffloads } from './lib/device/device.ts'
export type { WriteOptions } from './lib/device/abort.ts'
export type { DeviceEvent } from './lib/device/diagnostics.ts'
export type { DeviceNamespace, DeviceSettings, DeviceStats } from './lib/device/control.ts'
export type { BatchOptions, ReadOptions, Whole } from './lib/device/packets/readOptions.ts'
export { TapDevice, TunDevice } from './lib/device/kinds.ts'
export { BatchError, type RefusedPacket } from './lib/device/packets/sink.ts'
export type { PackedBatch } from './lib/device/packets/source.ts'
export type { StreamOptions } from './lib/device/streams/streamOptions.ts'
export type { PacketStreams } from './lib/device/streams/streams.ts'
export type { SuperPacket, VnetHeader } from './lib/device/packets/vnet.ts'
export type { Diagnostic } from './lib/diagnostics.ts'
export { TunError, type TunErrorCode, type TunErrorDetails } from './lib/errors.ts'
export type {
  EventsOptions,
  RelayEvent,
  RelayEventFields,
  RelayEventKind,
} from './lib/relay/events.ts'
export { type Features, features } from './lib/features.ts'
export { COUNTERS, type CounterDescription, type Direction } from './lib/relay/counters.ts'
export type { InterfaceState } from './lib/relay/diagnosis.ts'
export type { QueueDescriptors } from './lib/relay/handover/descriptors.ts'
export type { RelayInfo, UdpEndpoint } from './lib/relay/info.ts'
export { formatMetrics } from './lib/relay/metrics.ts'
export type {
  Address,
  AddressFilter,
  AddressOptions,
  AddressProtocol,
  Addresses,
  Scope,
} from './lib/netlink/addresses.ts'
export type { Desired, Ensured } from './lib/netlink/ensure.ts'
export { type Change, RollbackError } from './lib/netlink/rollback.ts'
export type * from './lib/netlink/linkTypes.ts'
export type { Links } from './lib/netlink/links.ts'
export type { Monitor, MonitorKind, MonitorOptions, NetlinkEvent } from './lib/netlink/monitor.ts'
export { createNamespace, deleteNamespace, listNamespaces } from './lib/netlink/namespaces.ts'
export type {
  Neighbor,
  NeighborFilter,
  NeighborOptions,
  NeighborState,
  Neighbors,
} from './lib/netlink/neighbors.ts'
export {
  Netlink,
  type NetlinkDiagnostic,
  type NetlinkOptions,
  type NetlinkSessionEvent,
  openNetlink,
} from './lib/netlink/netlink.ts'
export type { OtherAttribute } from './lib/netlink/otherAttributes.ts'
export type * from './lib/netlink/routeTypes.ts'
export type { Routes } from './lib/netlink/routes.ts'
export type { Range, Rule, RuleAction, RuleFilter, RuleSpec, Rules } from './lib/netlink/rules.ts'
export type { LinkPredicate, WaitOptions } from './lib/netlink/waitFor.ts'
export type { NamespaceSocketOptions } from './lib/namespaces/datagrams.ts'
export { inNamespace, Namespace, type NamespaceOptions } from './lib/namespaces/namespace.ts'
export type { Output, RunOptions } from './lib/namespaces/processes.ts'
export type {
  NamespaceConnectOptions,
  NamespaceListenOptions,
  NamespaceServer,
} from './lib/namespaces/streams.ts'
export { TestHost } from './lib/namespaces/testNetwork/host.ts'
export { TestNetwork, testNetwork } from './lib/namespaces/testNetwork/network.ts'
export type {
  TestHostOptions,
  TestLinkEnd,
  TestLinkOptions,
  TestNetworkOptions,
} from './lib/namespaces/testNetwork/options.ts'
export { sdNotify } from './lib/notify.ts'
export { type DeviceDiagnostic, openTap, openTun } from './lib/device/open.ts'
export { type InterfaceAddress, parseAddress } from './lib/check/address.ts'
export type * from './lib/options/declarations.ts'
export type { DeviceOffload } from './lib/device/optionTable.ts'
export type { BpfInstruction, MacFilter } from './lib/device/filter.ts'
export type { ListenOptions } from './lib/relay/ends.ts'
export type { PeerChanges } from './lib/relay/peers/changes.ts'
export type { PeerEndpoint } from './lib/relay/peers/endpoint.ts'
export type { PeerUpdate, RelayPeer } from './lib/relay/peers/options.ts'
export { type OtherTraffic, Peers } from './lib/relay/peers/peers.ts'
export type { PeerState, PeerTraffic } from './lib/relay/peers/state.ts'
export type { Offload } from './lib/check/offload.ts'
export {
  type ChecksumVerdict,
  fillChecksums,
  internetChecksum,
  verifyChecksums,
} from './lib/packets/checksum.ts'
export {
  type ArpFields,
  buildArp,
  buildEthernet,
  type EthernetFields,
  type VlanTagFields,
} from './lib/packets/build/frame.ts'
export type { IpHeaderFields } from './lib/packets/build/ip.ts'
export {
  buildIcmpEcho,
  buildTcp,
  buildUdp,
  type IcmpEchoFields,
  type TcpFields,
  type TcpFlag,
  type UdpFields,
} from './lib/packets/build/transport.ts'
export type { ExtensionHeader } from './lib/packets/extensions.ts'
export { ArpPacket, EthernetFrame, type VlanTag } from './lib/packets/frame.ts'
export { Ipv4Packet } from './lib/packets/ipv4.ts'
export { Ipv6Packet } from './lib/packets/ipv6.ts'
export { parseFrame, parsePacket } from './lib/packets/parse.ts'
export { IcmpMessage, TcpSegment, UdpDatagram } from './lib/packets/transport.ts'
export {
  createPersistent,
  type DeviceInfo,
  type DeviceHolder,
  listDevices,
  type ListedDevice,
  removePersistent,
} from './lib/persistent/persistent.ts'
export {
  Capture,
  type CaptureCounts,
  type CaptureOptions,
  type CapturePoint,
  type CapturePointStats,
  type CaptureStats,
} from './lib/relay/capture.ts'
export { Relay, type RelayDiagnostic, startRelay } from './lib/relay/relay.ts'
export type {
  InboundDrops,
  InboundStats,
  OffloadStatus,
  OutboundDrops,
  OutboundStats,
  PathMtu,
  RelayStats,
} from './lib/relay/stats.ts'
