import type { RelayStats } from '../../../index.ts'

/** The kernel's counters of an interface; a super-packet counts once. */
export interface InterfaceCounts {
  /** Packets that were written into it. */
  written: number
  /** Packets that were read from it. */
  read: number
}

/** Reads the counters from the output of `ip -s -json link show`. Its directions are the opposite of the driver's. */
export function interfaceCounts(json: string): InterfaceCounts {
  const [link] = JSON.parse(json) as { stats64: Record<'rx' | 'tx', { packets: number }> }[]
  if (!link) throw new Error(`no interface in ${json}`)
  return { written: link.stats64.rx.packets, read: link.stats64.tx.packets }
}

/** Returns the differences between the counters of a relay that has ended and the kernel's. */
export function problemsOf(
  { outbound, inbound }: RelayStats,
  before: InterfaceCounts,
  after: InterfaceCounts,
): string[] {
  const equations: [what: string, left: number, right: number][] = [
    [
      'packetsRead = datagramsSent + dropped',
      outbound.packetsRead,
      outbound.datagramsSent + sum(outbound.dropped),
    ],
    [
      'datagramsReceived = packetsWritten + dropped',
      inbound.datagramsReceived,
      inbound.packetsWritten + sum(inbound.dropped),
    ],
    [
      'packets that the kernel handed over = packetsRead - packetsSplit + superPacketsRead',
      after.read - before.read,
      outbound.packetsRead - outbound.packetsSplit + outbound.superPacketsRead,
    ],
    [
      'packets that the kernel took = packetsWritten - packetsJoined + superPacketsWritten',
      after.written - before.written,
      inbound.packetsWritten -
        inbound.packetsJoined +
        inbound.superPacketsWritten +
        outbound.repliesWritten,
    ],
  ]
  return equations
    .filter(([, left, right]) => left !== right)
    .map(([what, left, right]) => `${what}: ${left} is not ${right}`)
}

/** Returns the sum of all drops. */
export function sum(
  dropped: RelayStats['outbound']['dropped'] | RelayStats['inbound']['dropped'],
): number {
  return Object.values({ ...dropped }).reduce((total, count) => total + count, 0)
}
