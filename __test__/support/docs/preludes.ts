/**
 * Declarations that blocks of JavaScript rely on, as described by the text around them: by page, then by number of
 * the block.
 */
export const PRELUDES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'docs/devices.md': {
    0: 'declare function answer(packet: Buffer): Buffer',
    1: "declare const packet: Buffer, worker: import('node:worker_threads').Worker",
    3: "declare const one: import('tun2udp').TunDevice, other: import('tun2udp').TunDevice",
  },
  'docs/netlink.md': {
    1: `declare const netlink: import('tun2udp').Netlink
      declare const routes: readonly import('tun2udp').RouteSpec[]`,
    2: "declare const netlink: import('tun2udp').Netlink",
    3: `declare const netlink: import('tun2udp').Netlink
      declare const signal: AbortSignal`,
    4: "declare const netlink: import('tun2udp').Netlink",
    5: "declare const netlink: import('tun2udp').Netlink",
  },
  'docs/packets.md': {
    1: `import { pipeline } from 'node:stream'
      declare const tun: import('tun2udp').TunDevice
      declare const other: import('tun2udp').TunDevice
      declare const signal: AbortSignal
      declare class Filter extends TransformStream<Uint8Array, Uint8Array> {}`,
  },
  'docs/capture.md': {
    0: "declare const relay: import('tun2udp').Relay",
  },
  'docs/relay.md': {
    1: "declare const relay: import('tun2udp').Relay",
    2: "declare const relay: import('tun2udp').Relay",
  },
  'docs/guides/tuning.md': {
    0: "declare const tun: import('tun2udp').TunDevice",
  },
}
