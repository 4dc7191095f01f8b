import type { Duplex } from 'node:stream'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TunDevice } from '../../../index.ts'
import { sendNumbers, udpPacket, withTun } from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { frames, slowTap } from '../../support/slowTap.ts'

/** Closes the device in a callback, and returns once no further event can occur. */
const CLOSINGS: readonly [name: string, close: (tun: TunDevice, stream: Duplex) => void][] = [
  ['data', (tun, stream) => void stream.on('data', () => void tun.close())],
  [
    'data, and ends what is written',
    (tun, stream) =>
      void stream.on('data', () => {
        void tun.close()
        stream.end()
      }),
  ],
  [
    'readable',
    (tun, stream) =>
      void stream.on('readable', () => {
        stream.read()
        void tun.close()
      }),
  ],
  [
    'data, and reads on',
    (tun, stream) =>
      void stream.on('data', () => {
        stream.read()
        void tun.close()
        stream.read()
      }),
  ],
]

for (const [name, close] of CLOSINGS) {
  test(`closing the device in a listener ends the stream: ${name}`, async (t) => {
    const { tun, namespace } = await withTun(t)
    await sendNumbers(namespace, 5)
    const stream = tun.duplex()
    const events: string[] = []
    for (const event of ['end', 'error', 'close'])
      stream.on(event, (error: unknown) =>
        events.push(error instanceof Error ? error.message : event),
      )
    close(tun, stream)
    stream.resume()
    if (name === 'readable') stream.read(0)
    while (!events.includes('end')) await sleep(5)
    t.false(stream.readableLength > 0)
    stream.destroy()
    while (!events.includes('close')) await sleep(5)
    t.deepEqual(events, ['end', 'close'])
  })
}

test('closing the device while a duplex waits for room fails what waits, and nothing else', async (t) => {
  if (!hasTools(t, 'tc', 'python3')) return
  const tap = await slowTap(t, await withNamespace(t), '8kbit')
  const stream = tap.duplex({ highWaterMark: 2 })
  const results: unknown[] = []
  stream.on('drain', () => void tap.close())
  for (const frame of frames(8)) stream.write(frame, (error) => results.push(error?.message))
  const closed = new Promise((resolve) => stream.on('close', resolve))
  await sleep(50)
  const error = t.throwsAsync(once(stream, 'end'), { code: 'ERR_TUN_CLOSED' })
  await tap.close()
  await error
  await closed
  t.is(results.length, 8)
  t.regex(String(results.at(-1)), /closed|destroyed/u)
})

test('closing the device in the callback of a write ends both halves', async (t) => {
  const { tun } = await withTun(t)
  const stream = tun.duplex()
  const ended = once(stream.resume(), 'end')
  stream.write(udpPacket(9, 'x'), () => void tun.close())
  await ended
  const error = t.throwsAsync(once(stream, 'close'), { code: 'ERR_TUN_CLOSED' })
  stream.write(udpPacket(9, 'x'))
  await error
})

test('destroying a duplex while it reads, and ending it, frees the device', async (t) => {
  const { tun, namespace } = await withTun(t)
  const stream = tun.duplex()
  stream.read(0)
  stream.destroy()
  await once(stream, 'close')
  const other = tun.duplex()
  other.on('data', () => other.destroy())
  const closed = once(other, 'close')
  await sendNumbers(namespace, 5)
  await closed
  await sendNumbers(namespace, 1)
  t.true(((await tun.read())?.length ?? 0) > 0)
})

const LOOPS: readonly [name: string, loop: (tun: TunDevice) => AsyncIterable<unknown>][] = [
  ['packets', (tun) => tun.packets()],
  ['batches', (tun) => tun.batches({ maxPackets: 2 })],
  ['packed batches', (tun) => tun.packedBatches({ maxPackets: 2, reuse: true })],
  ['readable', (tun) => tun.readable],
]

for (const [name, loop] of LOOPS) {
  test(`closing the device in a loop ends it: ${name}`, async (t) => {
    const { tun, namespace } = await withTun(t)
    await sendNumbers(namespace, 5)
    let turns = 0
    for await (const value of loop(tun)) {
      t.not(value, undefined)
      turns++
      await tun.close()
    }
    t.is(turns, 1, 'what was read ahead goes with the device')
  })
}

test('closing the device while a Web stream is pulled, piped and written ends all of it', async (t) => {
  const { tun, namespace } = await withTun(t)
  const reader = tun.readable.getReader()
  const reads = [reader.read(), reader.read()]
  const writer = tun.writable.getWriter()
  const written = writer.write(udpPacket(9, 'x'))
  await tun.close()
  t.deepEqual(await Promise.all(reads), [
    { done: true, value: undefined },
    { done: true, value: undefined },
  ])
  await written.catch(() => undefined)
  await t.throwsAsync(writer.closed, { code: 'ERR_TUN_CLOSED' })
  await t.throwsAsync(writer.write(udpPacket(9, 'x')), { code: 'ERR_TUN_CLOSED' })
  await reader.closed
  const { tun: other, namespace: room } = await withTun(t)
  t.not(room.name, namespace.name)
  await sendNumbers(room, 5)
  let packets = 0
  const counting = new WritableStream<Uint8Array>({
    write: async () => {
      packets++
      await other.close()
    },
  })
  await other.readable.pipeTo(counting)
  t.is(packets, 1)
})
