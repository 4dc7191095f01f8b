/** Checks the declarations of open devices and super-packets, as in persistent.ts. */
import {
  type BatchOptions,
  type BpfInstruction,
  type DeviceSettings,
  type DeviceStats,
  type Features,
  type LinkStats,
  type MacFilter,
  type SuperPacket,
  type TapDevice,
  TunDevice,
  type VnetHeader,
  features,
} from 'tun2udp'
import type { Expect, Same } from '../support/types.ts'

export type Expected = [
  Expect<Same<ReturnType<typeof features>, Promise<Features>>>,
  Expect<Same<ReturnType<TunDevice['settings']>, Promise<DeviceSettings>>>,
  Expect<Same<ReturnType<TunDevice['stats']>, DeviceStats>>,
  Expect<Same<LinkStats['rxBytes'], number>>,
  Expect<Same<Parameters<TunDevice['packedBatches']>, [options?: BatchOptions | undefined]>>,
  Expect<Same<'setMacFilter' extends keyof TunDevice ? true : false, false>>,
  Expect<Same<Parameters<TapDevice['setMacFilter']>, [filter: MacFilter | undefined]>>,
  Expect<
    Same<Parameters<TapDevice['setFilter']>, [program: readonly BpfInstruction[] | undefined]>
  >,
]

export function accepted(tun: TunDevice, tap: TapDevice, packet: SuperPacket): unknown[] {
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

export function refused(packet: SuperPacket): void {
  // @ts-expect-error devices come from openTun()
  new TunDevice()
  // @ts-expect-error a header has all of its fields
  const partial: VnetHeader = { gsoType: 1 }
  // @ts-expect-error the header is read-only
  packet.header.gsoSize = partial.gsoSize
}
