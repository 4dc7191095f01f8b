/**
 * This package: `node ours.mjs WAY OFFLOAD QUEUE_LENGTH` makes the interface `bench0`. For each line
 * COUNT on stdin it reads COUNT packets and prints the seconds that this took. The modes that write
 * give each back, addresses and ports exchanged.
 */
import { createInterface } from 'node:readline'
import { openTun } from 'tun2udp'

const [way, offload, queueLength] = process.argv.slice(2)
const tun = await openTun({
  name: 'bench0',
  addresses: ['10.8.0.1/24'],
  txQueueLength: Number(queueLength),
  offload: offload === 'auto' ? 'auto' : false,
})

/** IPv4 without options, and UDP behind it, `at` a place of a buffer: the sums stay right. */
function turnRound(packet, at) {
  if (packet[at] !== 0x45) return
  for (let one = at + 12; one < at + 16; one++) {
    const byte = packet[one]
    packet[one] = packet[one + 4]
    packet[one + 4] = byte
  }
  for (let one = at + 20; one < at + 22; one++) {
    const byte = packet[one]
    packet[one] = packet[one + 2]
    packet[one + 2] = byte
  }
}

const WAYS = {
  async packet(count) {
    let seen = 0
    for await (const packet of tun) if (packet.length > 0 && ++seen === count) break
  },
  async packetReuse(count) {
    let seen = 0
    for await (const packet of tun.packets({ reuse: true }))
      if (packet.length > 0 && ++seen === count) break
  },
  async batchReuse(count) {
    let seen = 0
    for await (const batch of tun.batches({ reuse: true })) {
      for (const packet of batch) if (packet.length > 0) seen++
      if (seen >= count) break
    }
  },
  async packedReuse(count) {
    let seen = 0
    for await (const { offsets } of tun.packedBatches({ reuse: true })) {
      seen += offsets.length - 1
      if (seen >= count) break
    }
  },
  async batch(count) {
    let seen = 0
    for await (const batch of tun.batches()) {
      for (const packet of batch) if (packet.length > 0) seen++
      if (seen >= count) break
    }
  },
  async packed(count) {
    let seen = 0
    for await (const { offsets } of tun.packedBatches()) {
      seen += offsets.length - 1
      if (seen >= count) break
    }
  },
  async write(count) {
    let seen = 0
    for await (const packet of tun) {
      turnRound(packet, 0)
      await tun.write(packet)
      if (++seen === count) break
    }
  },
  async tryWrite(count) {
    let seen = 0
    for await (const packet of tun) {
      turnRound(packet, 0)
      tun.tryWrite(packet)
      if (++seen === count) break
    }
  },
  async writeBatch(count) {
    let seen = 0
    for await (const batch of tun.batches()) {
      for (const packet of batch) turnRound(packet, 0)
      await tun.writeBatch(batch)
      if ((seen += batch.length) >= count) break
    }
  },
  async tryWriteBatch(count) {
    let seen = 0
    for await (const batch of tun.batches()) {
      for (const packet of batch) turnRound(packet, 0)
      tun.tryWriteBatch(batch)
      if ((seen += batch.length) >= count) break
    }
  },
  async writePacked(count) {
    let seen = 0
    for await (const batch of tun.packedBatches({ reuse: true })) {
      const { buffer, offsets } = batch
      for (let n = 0; n + 1 < offsets.length; n++) turnRound(buffer, offsets[n])
      await tun.writePacked(batch)
      if ((seen += offsets.length - 1) >= count) break
    }
  },
  async tryWritePacked(count) {
    let seen = 0
    for await (const batch of tun.packedBatches({ reuse: true })) {
      const { buffer, offsets } = batch
      for (let n = 0; n + 1 < offsets.length; n++) turnRound(buffer, offsets[n])
      tun.tryWritePacked(batch)
      if ((seen += offsets.length - 1) >= count) break
    }
  },
}

const run = WAYS[way]
console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const began = process.hrtime.bigint()
  await run(Number(line) || Number.POSITIVE_INFINITY)
  console.log(Number(process.hrtime.bigint() - began) / 1e9)
}
