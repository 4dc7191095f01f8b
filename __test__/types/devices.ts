/** What the compiler must say of open devices and super-packets; as in persistent.ts. */
import {
  type BpfInstruction,
  type DeviceSettings,
  type DeviceStats,
  type Features,
  type LinkStats,
  type MacFilter,
  type SuperPacket,
  type TapDevice,
  type TunDevice,
  type VnetHeader,
  features,
} from 'tun2udp'
import type { Expect, Same } from '../support/types.ts'

export type Expected = [
  Expect<Same<ReturnType<typeof features>, Promise<Features>>>,
  Expect<Same<ReturnType<TunDevice['settings']>, Promise<DeviceSettings>>>,
  Expect<Same<ReturnType<TunDevice['stats']>, Promise<DeviceStats>>>,
  Expect<Same<DeviceStats['link'], LinkStats>>,
  Expect<Same<Parameters<TapDevice['setMacFilter']>, [filter: MacFilter | undefined]>>,
  Expect<
    Same<Parameters<TapDevice['setFilter']>, [program: readonly BpfInstruction[] | undefined]>
  >,
]

export function accepted(tun: TunDevice, tap: TapDevice, packet: SuperPacket) {
  const whole: AsyncIterableIterator<SuperPacket, undefined> = tun.packets({ superpackets: true })
  const batches: AsyncIterableIterator<SuperPacket[], undefined> = tap.batches({
    superpackets: true,
    maxPackets: 8,
  })
  const cut: AsyncIterableIterator<Buffer, undefined> = tun.packets({ reuse: true })
  const header: VnetHeader = packet.header
  void tun.writeSuperPacket({ data: new Uint8Array(20), header: { gsoType: 1 } })
  void tun.writeSuperPacket(packet, { signal: AbortSignal.timeout(1) })
  void tap.setFilter([{ code: 6, k: 0 }])
  return [whole, batches, cut, header]
}

export function refused(tun: TunDevice, packet: SuperPacket) {
  // @ts-expect-error a TUN device has no MAC addresses
  void tun.setMacFilter({ addresses: [] })
  // @ts-expect-error packed batches hold ordinary packets
  tun.packedBatches({ superpackets: true })
  // @ts-expect-error the header is read-only
  packet.header.gsoSize = 7
}
