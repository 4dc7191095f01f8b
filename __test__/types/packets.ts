/** Checks the declarations of devices, packets and streams, as in persistent.ts. */
import type { Duplex } from 'node:stream'
import {
  type ArpPacket,
  type BatchOptions,
  type ChecksumVerdict,
  type Device,
  type EthernetFrame,
  type IcmpMessage,
  type Ipv4Packet,
  type Ipv6Packet,
  type PackedBatch,
  type PacketStreams,
  type StreamOptions,
  type TapDevice,
  type TapOptions,
  type TcpSegment,
  type TunDevice,
  type TunError,
  type TunOptions,
  type UdpDatagram,
  type WriteOptions,
  fillChecksums,
  internetChecksum,
  openTap,
  openTun,
  parseFrame,
  parsePacket,
  verifyChecksums,
} from 'tun2udp'
import type { Expect, Same } from '../support/types.ts'

type Packet = Ipv4Packet | Ipv6Packet

export type Expected = [
  Expect<Same<ReturnType<typeof openTun>, Promise<TunDevice>>>,
  Expect<Same<ReturnType<typeof openTap>, Promise<TapDevice>>>,
  Expect<Same<Parameters<typeof openTun>, [options?: TunOptions | undefined]>>,
  Expect<Same<TunDevice['mode'], 'tun'>>,
  Expect<Same<TapDevice['mode'], 'tap'>>,
  Expect<Same<ReturnType<Device['read']>, Promise<Buffer | undefined>>>,
  Expect<Same<ReturnType<Device['write']>, Promise<void>>>,
  Expect<Same<ReturnType<Device['writePacked']>, Promise<void>>>,
  Expect<Same<ReturnType<Device['tryWrite']>, boolean>>,
  Expect<Same<ReturnType<Device['tryWriteBatch']>, boolean>>,
  Expect<Same<ReturnType<Device['tryWritePacked']>, boolean>>,
  Expect<Same<Device['closed'], Promise<void>>>,
  Expect<Same<Device['isClosed'], boolean>>,
  Expect<Same<Device['fd'], number | undefined>>,
  Expect<
    Same<
      Parameters<Device['writeBatch']>,
      [packets: readonly Uint8Array[], options?: WriteOptions | undefined]
    >
  >,
  Expect<Same<Device['readable'], ReadableStream<Uint8Array>>>,
  Expect<Same<Device['writable'], WritableStream<Uint8Array>>>,
  Expect<Same<ReturnType<Device['streams']>, PacketStreams>>,
  Expect<Same<ReturnType<Device['duplex']>, Duplex>>,
  Expect<Same<Parameters<Device['duplex']>, [options?: StreamOptions | undefined]>>,
  Expect<Same<BatchOptions['signal'], AbortSignal | undefined>>,
  Expect<TunOptions extends TapOptions ? true : false>,
  Expect<Same<ReturnType<typeof parsePacket>, Packet | undefined>>,
  Expect<Same<ReturnType<typeof parseFrame>, EthernetFrame | undefined>>,
  Expect<Same<EthernetFrame['packet'], Packet | undefined>>,
  Expect<Same<EthernetFrame['arp'], ArpPacket | undefined>>,
  Expect<Same<Packet['version'], 4 | 6>>,
  Expect<Same<Packet['tcp'], TcpSegment | undefined>>,
  Expect<Same<Packet['udp'], UdpDatagram | undefined>>,
  Expect<Same<Ipv4Packet['icmp'], IcmpMessage | undefined>>,
  Expect<Same<Ipv6Packet['icmp'], undefined>>,
  Expect<Same<Ipv6Packet['icmpv6'], IcmpMessage | undefined>>,
  Expect<Same<ChecksumVerdict['transport'], boolean | undefined>>,
]

/** The ways to read and write, as users write them. */
export async function passes(tun: TunDevice, signal: AbortSignal): Promise<void> {
  for await (const packet of tun) await tun.write(packet)
  for await (const packet of tun.packets({ reuse: true, signal })) packet.writeUInt8(0, 0)
  for await (const batch of tun.batches({ maxPackets: 8 })) await tun.writeBatch(batch)
  for await (const batch of tun.packedBatches()) await tun.writePacked(batch)
  await tun.readable.pipeTo(tun.writable, { signal })
  for await (const packet of tun.readable) internetChecksum(packet, 7)
  tun.duplex({ highWaterMark: 4, signal }).pipe(tun.duplex())
  tun.streams({ onRefused: (error: TunError, packet: Uint8Array) => [error.code, packet.length] })
  await using again = await openTun({ fd: 3, offload: ['tso'], signal: undefined })
  again.ref().unref().highWaterMark.toFixed()
}

/** The version distinguishes the kinds of packets. */
export function narrows(packet: Packet): void {
  if (packet.version === 4) packet.dontFragment.valueOf()
  else packet.extensionHeaders.map(({ type }) => type)
  fillChecksums(packet)
  verifyChecksums(packet.bytes)
  packet.source = packet.destination
  if (packet.tcp) packet.tcp.sourcePort = 80

  // @ts-expect-error it may contain no TCP
  packet.tcp.sourcePort = 80
  // @ts-expect-error the length is read-only
  packet.totalBytes = 20
  // @ts-expect-error text is not parsed
  parsePacket('45')
}

// @ts-expect-error only IPv4 packets have options of this kind
export type Options = Packet['options']

/** Values that are not an option, a packet or a batch. */
export async function refuses(tun: TunDevice): Promise<void> {
  // @ts-expect-error a TUN device has no MAC address
  await openTun({ macAddress: '02:00:00:00:00:01' })
  // @ts-expect-error this offload does not exist
  await openTap({ offload: ['ufo'] })
  // @ts-expect-error an MTU is a number
  await openTun({ mtu: '1400' })
  // @ts-expect-error a packet is bytes
  await tun.write('packet')
  // @ts-expect-error a batch is a list
  await tun.writeBatch(Buffer.alloc(20))
  // @ts-expect-error offsets are a Uint32Array
  const batch: PackedBatch = { buffer: Buffer.alloc(20), offsets: [0, 20] }
  await tun.writePacked(batch)
  // @ts-expect-error packets have no maximum
  tun.packets({ maxPackets: 8 })
  // @ts-expect-error streams hold a number of packets
  tun.streams({ highWaterMark: '4' })
  // @ts-expect-error the name is the kernel's
  tun.name = 'x'
  // @ts-expect-error the mode distinguishes devices
  const mode: TapDevice['mode'] = tun.mode
  mode.at(0)
}
