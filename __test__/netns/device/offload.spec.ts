import fc from 'fast-check'
import { type TunDevice, fillChecksums, parsePacket, verifyChecksums } from '../../../index.ts'
import { tunIn } from '../../support/device.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { type Sample, bytesOf } from '../../support/sample.ts'
import { rootTest as test } from '../../support/skip.ts'

/** Consecutive packets of one flow, which may be coalesced if they are similar enough. */
interface Run {
  version: 4 | 6
  kind: 'tcp' | 'udp'
  flow: number
  count: number
  payloadBytes: number
  /** Bytes of the last packet, which may be shorter or longer. */
  lastBytes: number
  /** PSH flag of the last packet. */
  isPushed: boolean
  /** Bytes that are missing in front of it. */
  gap: number
  tcpOptions: number
  trafficClass: number
}

const RUNS: fc.Arbitrary<Run[]> = fc.array(
  fc.record({
    version: fc.constantFrom(4 as const, 6 as const),
    kind: fc.constantFrom('tcp' as const, 'udp' as const),
    flow: fc.nat(2),
    count: fc.integer({ min: 1, max: 30 }),
    payloadBytes: fc.integer({ min: 1, max: 1400 }),
    lastBytes: fc.integer({ min: 1, max: 1400 }),
    isPushed: fc.boolean(),
    gap: fc.constantFrom(0, 0, 0, 7),
    tcpOptions: fc.constantFrom(0, 3),
    trafficClass: fc.constantFrom(0, 0, 0, 0x28),
  }),
  { minLength: 1, maxLength: 8 },
)

const PORT = 9
const ADDRESSES = {
  4: [Buffer.of(10, 8, 0, 2), Buffer.of(10, 9, 0, 2)],
  6: [
    Buffer.from(`fd08${'00'.repeat(13)}02`, 'hex'),
    Buffer.from(`fd09${'00'.repeat(13)}02`, 'hex'),
  ],
} as const

/** Sends the packets of runs from the network of one device to that of the other. */
function packetsOf(runs: readonly Run[]): Buffer[] {
  const sequences = new Map<string, number>()
  let made = 0
  return runs.flatMap((run) => {
    const [source, destination] = ADDRESSES[run.version]
    const flow = `${run.version} ${run.flow}`
    sequences.set(flow, ((sequences.get(flow) ?? 2 ** 32 - 5000) + run.gap) % 2 ** 32)
    return Array.from({ length: run.count }, (_, n) => {
      const isLast = n === run.count - 1
      const payload = Buffer.alloc(isLast ? run.lastBytes : run.payloadBytes, made++)
      const sequence = sequences.get(flow) ?? 0
      if (run.kind === 'tcp') sequences.set(flow, (sequence + payload.length) % 2 ** 32)
      const sample: Sample = {
        ...run,
        source,
        destination,
        options: 0,
        flowLabel: run.flow,
        identification: made % 65_536,
        hopLimit: 64,
        sourcePort: 61_000 + run.flow,
        destinationPort: PORT,
        sequence,
        acknowledgment: 1,
        flags: isLast && run.isPushed ? 0x18 : 0x10,
        window: 1000,
        payload,
      }
      const packet = bytesOf(sample)
      fillChecksums(packet)
      return packet
    })
  })
}

/**
 * Returns a packet as a router forwards it. If it must not be fragmented, its identification has no meaning
 * (RFC 6864).
 */
function forwarded(packet: Buffer): string {
  const copy = Buffer.from(packet)
  const view = parsePacket(copy)
  if (!view) throw new Error('no packet')
  view.hopLimit = 63
  if (view.version === 4) copy.writeUInt16BE(0, 4)
  fillChecksums(view)
  return copy.toString('hex')
}

function isOurs(packet: Buffer): boolean {
  const view = parsePacket(packet)
  return (view?.tcp ?? view?.udp)?.destinationPort === PORT
}

/** Groups packets by flow. Within a flow, they are in the order in which they were written. */
function byFlow(packets: readonly Buffer[]): string[] {
  const flowOf = (packet: Buffer) => {
    const view = parsePacket(packet)
    return `${view?.version} ${view?.protocol} ${(view?.tcp ?? view?.udp)?.sourcePort}`
  }
  const flows = new Map<string, Buffer[]>()
  for (const packet of packets) {
    const flow = flowOf(packet)
    flows.set(flow, [...(flows.get(flow) ?? []), packet])
  }
  return [...flows]
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([, all]) => all.map(forwarded))
}

function assertSame(seen: readonly Buffer[], written: readonly Buffer[]): void {
  if (seen.length !== written.length) throw new Error(`${seen.length} of ${written.length} packets`)
  if (seen.some((packet) => verifyChecksums(packet).transport === false))
    throw new Error('a wrong checksum')
  const expected = byFlow(written)
  for (const [n, packet] of byFlow(seen).entries())
    if (packet !== expected[n])
      throw new Error(`packet ${n} by flow: ${packet}, written ${expected[n]}`)
}

async function receive(tun: TunDevice, count: number): Promise<Buffer[]> {
  const packets: Buffer[] = []
  const signal = AbortSignal.timeout(5000)
  for await (const batch of tun.batches({ signal })) {
    // The kernel, as a router, sends packets of its own.
    packets.push(...batch.filter(isOurs))
    if (packets.length >= count) break
  }
  return packets
}

/** Returns the number of packets, or super-packets, that the kernel received from a device. */
async function received({ run }: Namespace, name: string): Promise<number> {
  return Number(await run('cat', `/sys/class/net/${name}/statistics/rx_packets`))
}

const WAYS: readonly [from: 'auto' | false, to: 'auto' | false, isPacked: boolean][] = [
  ['auto', 'auto', false],
  ['auto', 'auto', true],
  ['auto', false, false],
  [false, 'auto', true],
]

for (const [from, to, isPacked] of WAYS) {
  const title = `${isPacked ? 'packed' : 'batches'}, offload ${from}, read with offload ${to}`
  test(`packets that are joined, forwarded and cut are those that were written: ${title}`, async (t) => {
    const namespace = await withNamespace(t)
    const txQueueLength = 5000
    const one = await tunIn(t, namespace, {
      addresses: ['10.8.0.1/24', 'fd08::1/64'],
      offload: from,
    })
    const two = await tunIn(t, namespace, {
      addresses: ['10.9.0.1/24', 'fd09::1/64'],
      offload: to,
      txQueueLength,
    })
    const forwarding = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']
    for (const knob of forwarding) await namespace.run('bash', '-c', `echo 1 > /proc/sys/${knob}`)
    let packetCount = 0
    await fc.assert(
      fc.asyncProperty(RUNS, async (runs) => {
        const packets = packetsOf(runs)
        packetCount += packets.length
        if (isPacked) {
          const offsets = new Uint32Array(packets.length + 1)
          for (const [n, { length }] of packets.entries())
            offsets[n + 1] = (offsets[n] ?? 0) + length
          await one.writePacked({ buffer: Buffer.concat(packets), offsets })
        } else {
          await one.writeBatch(packets)
        }
        const seen = await receive(two, packets.length)
        assertSame(seen, packets)
      }),
      {
        numRuns: 100,
        endOnFailure: true,
        includeErrorInReport: true,
        interruptAfterTimeLimit: 60_000,
      },
    )
    const kernelCount = await received(namespace, one.name)
    if (from === 'auto' && one.offload.tso) t.true(kernelCount < packetCount / 2, `${kernelCount}`)
    else t.is(kernelCount, packetCount)
  })
}
