import { setTimeout as sleep } from 'node:timers/promises'
import type { SuperPacket, TunDevice } from '../../../index.ts'
import {
  SEGMENT_BYTES,
  SEGMENTS,
  sendNumbers,
  sendGsoBatch,
  tapIn,
  textOf,
  tunIn,
  udpPacket,
  withTun,
} from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { Traffic } from '../../support/traffic.ts'

const NEEDS_CSUM = 1
const GSO_UDP_L4 = 5
const PAYLOAD = SEGMENTS * SEGMENT_BYTES

async function first(packets: AsyncIterable<SuperPacket>): Promise<SuperPacket> {
  for await (const packet of packets) return packet
  throw new Error('there was none')
}

test('a super-packet is handed out whole, with what the kernel says of it', async (t) => {
  if (!hasTools(t, 'python3')) return
  for (const vnetHeaderBytes of [10, 12, 24]) {
    const { tun, namespace } = await withTun(t, { vnetHeaderBytes })
    if (!tun.offload.uso) {
      t.log(`SKIP ${t.title}: this kernel hands over no UDP super-packets`)
      t.pass()
      return
    }
    await sendGsoBatch(namespace)
    const { data, header } = await first(tun.packets({ superpackets: true }))
    t.is(data.length, 28 + PAYLOAD)
    t.is(data[0], 0x45)
    t.deepEqual(header, {
      flags: NEEDS_CSUM,
      gsoType: GSO_UDP_L4,
      hdrLen: 28,
      gsoSize: SEGMENT_BYTES,
      csumStart: 20,
      csumOffset: 6,
    })
    await sendNumbers(namespace, 2)
    for await (const batch of tun.batches({ superpackets: true, maxPackets: 1 })) {
      const [packet] = batch
      t.is(packet && textOf(packet.data), '0')
      t.is(packet?.header.gsoType, 0)
      break
    }
  }
})

test('a loop of ordinary packets after one of super-packets gets them cut, and none is lost', async (t) => {
  if (!hasTools(t, 'python3')) return
  const { tun, namespace } = await withTun(t)
  for (let turn = 0; turn < 3; turn++) await sendGsoBatch(namespace)
  const whole = await first(tun.packets({ superpackets: true }))
  const lengths: number[] = [whole.data.length]
  const count = tun.offload.uso ? SEGMENTS : 1
  // Reads the two super-packets that were read ahead, but only a part of the second one.
  for await (const packet of tun) {
    lengths.push(packet.length)
    if (lengths.length === 1 + count + 2) break
  }
  // The remaining packets are ordinary by now, and a loop of super-packets returns them unchanged.
  for await (const { data, header } of tun.packets({ superpackets: true })) {
    t.is(header.gsoSize, 0)
    lengths.push(data.length)
    if (lengths.length === 1 + 2 * count) break
  }
  const cut = new Array<number>(2 * count).fill(
    tun.offload.uso ? 28 + SEGMENT_BYTES : whole.data.length,
  )
  t.deepEqual(lengths, [whole.data.length, ...cut])
  t.is(tun.offload.uso ? whole.data.length : 28 + PAYLOAD, 28 + PAYLOAD)
})

test('without a vnet header packets are handed out as they are, and none is written with one', async (t) => {
  const { tun, namespace } = await withTun(t, { offload: false })
  await sendNumbers(namespace, 1)
  const { data, header } = await first(tun.packets({ superpackets: true }))
  t.is(textOf(data), '0')
  t.true(Object.values(header).every((field) => field === 0))
  await t.throwsAsync(tun.writeSuperPacket({ data, header }), {
    code: 'ERR_TUN_UNSUPPORTED',
    message: /^write a super-packet to tun0: the device has no vnet header/u,
  })
})

test('a super-packet that is written arrives as the packets that it stands for', async (t) => {
  const { tun, namespace } = await withTun(t)
  const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1', '3')
  const port = Number(await receiver.port())
  const data = udpPacket(port, 'aaaabbbbcc')
  // The kernel continues the checksum from the sum of the pseudo header.
  const words = [0x0a08, 2, 0x0a08, 1, 17, data.length - 20]
  const sum = words.reduce((total, word) => total + word, 0)
  data.writeUInt16BE((sum & 0xffff) + (sum >>> 16), 26)
  const header = {
    flags: NEEDS_CSUM,
    gsoType: GSO_UDP_L4,
    hdrLen: 28,
    gsoSize: 4,
    csumStart: 20,
    csumOffset: 6,
  }
  await tun.writeSuperPacket({ data, header })
  t.is(Buffer.from((await receiver.next()).hex ?? '', 'hex').toString(), 'aaaabbbbcc')
  t.like(tun.stats().written, { superPackets: 1, refused: 0 })
  await t.throwsAsync(tun.writeSuperPacket({ data, header: { ...header, gsoType: 77 } }), {
    code: 'ERR_TUN_PACKET_REFUSED',
  })
  await t.throwsAsync(tun.writeSuperPacket({ data, header: { gsoSize: -1 } }), {
    message: /^Invalid gsoSize -1/u,
  })
  await t.throwsAsync(tun.writeSuperPacket({ data: 'x' as never, header }), {
    message: /^Invalid data "x": expected a Uint8Array/u,
  })
})

async function forward(from: TunDevice, to: TunDevice): Promise<void> {
  for await (const packet of from.packets({ superpackets: true, reuse: true }))
    if (!to.isClosed) await to.writeSuperPacket(packet)
}

test('super-packets that are forwarded between devices carry a stream whole', async (t) => {
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  const one = await tunIn(t, near, { addresses: ['10.8.0.1/24'] })
  const two = await tunIn(t, far, { addresses: ['10.8.0.2/24'], queues: 2 })
  void forward(one, two)
  void forward(two, one)
  const sink = new Traffic(t, far, 'tcpSink', '10.8.0.2')
  const source = new Traffic(t, near, 'tcpSource', '10.8.0.2', await sink.port(), '3000000')
  const [sent, received] = [await source.next(), await sink.next()]
  t.is(received.bytes, 3_000_000)
  t.is(received.sha256, sent.sha256)
  await sleep(50)
  t.true(two.stats().written.superPackets > 0)
  t.is(two.stats().written.refused, 0)
})

test('a super-frame of a TAP device begins with its Ethernet header', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const tap = await tapIn(t, namespace, { addresses: ['10.8.0.1/24'] })
  if (!tap.offload.uso) {
    t.log(`SKIP ${t.title}: this kernel hands over no UDP super-packets`)
    t.pass()
    return
  }
  await namespace.run(
    'ip',
    'neighbor',
    'add',
    '10.8.0.2',
    'lladdr',
    '02:00:00:00:00:99',
    'dev',
    tap.name,
  )
  await sendGsoBatch(namespace)
  for await (const { data, header } of tap.packets({ superpackets: true })) {
    if (header.gsoSize === 0) continue
    t.is(data.length, 14 + 28 + PAYLOAD)
    t.like(header, { hdrLen: 42, csumStart: 34, gsoSize: SEGMENT_BYTES })
    break
  }
})
