import { MessageChannel } from 'node:worker_threads'
import type { TunDevice } from '../../../index.ts'
import { sendNumbers, textOf, withTun } from '../../support/device.ts'
import { rootTest as test } from '../../support/skip.ts'

const COUNT = 20
const INVALID = 'ERR_TUN_INVALID_ARGUMENT'
/** Node 20 clones objects that may not be transferred; later versions throw. */
const throws = Number(process.versions.node.split('.')[0]) > 20

/** Transfers memory regardless of its marks, as an application's byte stream does. */
function detach(packet: Uint8Array): ReadableStream {
  return new ReadableStream({
    type: 'bytes',
    start: (controller) => {
      controller.enqueue(new Uint8Array(packet.buffer as ArrayBuffer, packet.byteOffset, 1))
    },
  })
}

/** Tries to transfer the memory of a packet; returns the name of the error. */
function tryTransfer({ buffer }: Uint8Array): string | undefined {
  const { port1 } = new MessageChannel()
  const transfers = [
    () => structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }),
    () => {
      port1.postMessage(buffer, [buffer as ArrayBuffer])
    },
  ]
  let name: string | undefined
  for (const transfer of transfers) {
    try {
      transfer()
    } catch (error) {
      name = (error as Error).name
    }
  }
  port1.close()
  return name
}

function isOurs(packet: Uint8Array): boolean {
  return packet[0] === 0x45 && packet[9] === 17
}

test('transferring the memory of packets is refused, and none is lost', async (t) => {
  const { tun, namespace } = await withTun(t)
  for (const read of [
    () => tun.packets(),
    () => tun.packets({ reuse: true }),
    async function* superpackets() {
      for await (const { data } of tun.packets({ superpackets: true })) yield data
    },
    async function* packed() {
      for await (const { buffer, offsets } of tun.packedBatches({ reuse: true })) {
        t.is(tryTransfer(new Uint8Array(offsets.buffer)), throws ? 'DataCloneError' : undefined)
        for (let n = 1; n < offsets.length; n++) yield buffer.subarray(offsets[n - 1], offsets[n])
      }
    },
    () => tun.readable,
    () => tun.duplex() as AsyncIterable<Buffer>,
  ]) {
    const texts: string[] = []
    const sent = sendNumbers(namespace, COUNT)
    for await (const packet of read() as AsyncIterable<Uint8Array>) {
      t.true(packet.length > 0)
      t.is(tryTransfer(packet), throws ? 'DataCloneError' : undefined)
      if (isOurs(packet)) texts.push(textOf(packet))
      if (texts.length === COUNT) break
    }
    await sent
    t.deepEqual(
      texts,
      Array.from({ length: COUNT }, (_, n) => String(n)),
      String(read),
    )
  }
})

const LOOPS: readonly [name: string, loop: (tun: TunDevice) => AsyncIterable<unknown>][] = [
  ['packets', (tun) => tun.packets()],
  ['super-packets', (tun) => tun.packets({ superpackets: true })],
  ['readable', (tun) => tun.readable],
  ['duplex', (tun) => tun.duplex()],
]

/** The packet that a loop returned. */
function packetOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : (value as { data: Uint8Array }).data
}

for (const [name, loop] of LOOPS) {
  test(`${name}: packets that were lost by a transfer are one error, and the device is free`, async (t) => {
    const { tun, namespace } = await withTun(t)
    await sendNumbers(namespace, COUNT)
    const error = await t.throwsAsync<Error & { code: string }>(
      async () => {
        for await (const value of loop(tun)) {
          t.true(packetOf(value).length > 0, 'no packet of length 0 is given')
          detach(packetOf(value))
        }
      },
      { code: INVALID },
    )
    t.regex(error.message, /^read from tun\d+: the memory of \d+ packets .*; copy a packet before/u)
    await sendNumbers(namespace, 1)
    const packet = await tun.read()
    t.true(packet !== undefined && packet.length > 0)
  })
}

test('a transfer of whole batches loses no other', async (t) => {
  const { tun, namespace } = await withTun(t)
  const texts: string[] = []
  await sendNumbers(namespace, COUNT)
  for await (const batch of tun.batches({ maxPackets: 2 })) {
    texts.push(...batch.filter(isOurs).map(textOf))
    detach(batch[0] ?? new Uint8Array())
    if (texts.length === COUNT) break
  }
  await sendNumbers(namespace, COUNT)
  for await (const { buffer, offsets } of tun.packedBatches({ maxPackets: 2, reuse: true })) {
    for (let n = 1; n < offsets.length; n++) {
      const packet = buffer.subarray(offsets[n - 1], offsets[n])
      if (isOurs(packet)) texts.push(textOf(packet))
    }
    detach(buffer)
    detach(new Uint8Array(offsets.buffer))
    if (texts.length === 2 * COUNT) break
  }
  const numbers = Array.from({ length: COUNT }, (_, n) => String(n))
  t.deepEqual(texts, [...numbers, ...numbers])
})

/** Reads one packet, so that others are read ahead. */
async function readOne(tun: TunDevice): Promise<Uint8Array> {
  for await (const { data } of tun.packets({ superpackets: true })) return data
  throw new Error('the device was closed')
}

test('a transfer between loops of another kind, and of the offsets, is one error', async (t) => {
  const { tun, namespace } = await withTun(t)
  await sendNumbers(namespace, COUNT)
  detach(await readOne(tun))
  await t.throwsAsync(tun.read(), { code: INVALID })
  await sendNumbers(namespace, COUNT)
  await tun.read()
  for await (const { offsets } of tun.packedBatches({ reuse: true, maxPackets: 1 })) {
    detach(new Uint8Array(offsets.buffer))
    break
  }
  await t.throwsAsync(tun.read(), { code: INVALID })
  await sendNumbers(namespace, 1)
  t.true(((await tun.read())?.length ?? 0) > 0)
  t.is(tun.highWaterMark, 256)
})

test('what a loop throws frees the device', async (t) => {
  const { tun, namespace } = await withTun(t)
  for (const [, loop] of LOOPS) {
    await sendNumbers(namespace, 2)
    await t.throwsAsync(
      async () => {
        for await (const value of loop(tun)) throw new Error(`thrown at ${typeof value}`)
      },
      { message: 'thrown at object' },
    )
    await sendNumbers(namespace, 1)
    t.true(((await tun.read())?.length ?? 0) > 0)
  }
})
