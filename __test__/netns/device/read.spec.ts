import { setTimeout as sleep } from 'node:timers/promises'
import { TunError } from '../../../index.ts'
import { sendNumbers, textOf, tunIn, withTun } from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { rootTest as test } from '../../support/skip.ts'

const numbers = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => String(first + i))

test('a loop sees every packet in order, and leaves the rest to the next', async (t) => {
  const { tun, namespace } = await withTun(t)
  await sendNumbers(namespace, 30)
  const seen: string[] = []
  for await (const packet of tun) if (seen.push(textOf(packet)) === 10) break
  for await (const packet of tun) if (seen.push(textOf(packet)) === 20) break
  while (seen.length < 30) seen.push(textOf((await tun.read()) ?? Buffer.alloc(28)))
  t.deepEqual(seen, numbers(30))
})

for (const offload of [false, 'auto'] as const) {
  test(`batches hold at most what was asked for, with offload ${offload}`, async (t) => {
    const { tun, namespace } = await withTun(t, { offload })
    await sendNumbers(namespace, 50)
    const seen: string[] = []
    for await (const batch of tun.batches({ maxPackets: 7 })) {
      t.true(batch.length >= 1 && batch.length <= 7)
      seen.push(...batch.map(textOf))
      if (seen.length === 50) break
    }
    t.deepEqual(seen, numbers(50))
    await sendNumbers(namespace, 50)
    const packed: string[] = []
    for await (const { buffer, offsets } of tun.packedBatches()) {
      for (let n = 0; n + 1 < offsets.length; n++)
        packed.push(textOf(buffer.subarray(offsets[n], offsets[n + 1])))
      if (packed.length === 50) break
    }
    t.deepEqual(packed, numbers(50))
  })
}

test('a packet is its receiver’s for good, and a view only until the next', async (t) => {
  const { tun, namespace } = await withTun(t)
  const kept: Buffer[] = []
  for (let turn = 0; turn < 3; turn++) {
    await sendNumbers(namespace, 100)
    for await (const packet of tun) if (kept.push(packet) % 100 === 0) break
  }
  t.deepEqual(kept.map(textOf), [...numbers(100), ...numbers(100), ...numbers(100)])
  const views: Buffer[] = []
  for (let turn = 0; turn < 2; turn++) {
    await sendNumbers(namespace, 1)
    for await (const packet of tun.packets({ reuse: true })) {
      views.push(packet)
      break
    }
  }
  const [first, second] = views
  t.is(first?.byteOffset, second?.byteOffset)
  t.is(first?.buffer, second?.buffer)
})

test('what a loop of views left behind is safe with one who keeps', async (t) => {
  const { tun, namespace } = await withTun(t)
  await sendNumbers(namespace, 3)
  for await (const packet of tun.packets({ reuse: true })) {
    t.is(textOf(packet), '0')
    break
  }
  const left = await tun.read()
  await sendNumbers(namespace, 3)
  for await (const packet of tun.packets({ reuse: true })) if (textOf(packet) === '2') break
  t.is(left && textOf(left), '1')
})

test('one reads at a time, and the refused one harms nobody', async (t) => {
  const { tun, namespace } = await withTun(t)
  const loop = tun[Symbol.asyncIterator]()
  const first = loop.next()
  await t.throwsAsync(tun.read(), { instanceOf: TunError, code: 'ERR_TUN_LOCKED' })
  await t.throwsAsync(tun.batches().next(), { code: 'ERR_TUN_LOCKED' })
  const second = loop.next()
  await sendNumbers(namespace, 2)
  t.is(textOf((await first).value ?? Buffer.alloc(0)), '0')
  t.is(textOf((await second).value ?? Buffer.alloc(0)), '1')
  await loop.return?.()
  const read = tun.read()
  await sendNumbers(namespace, 1)
  t.is(textOf((await read) ?? Buffer.alloc(0)), '0')
})

test('a throw out of the loop gives the device free', async (t) => {
  const { tun, namespace } = await withTun(t)
  await sendNumbers(namespace, 2)
  const loop = async () => {
    for await (const packet of tun) throw new Error(textOf(packet))
  }
  await t.throwsAsync(loop, { message: '0' })
  t.is(textOf((await tun.read()) ?? Buffer.alloc(0)), '1')
})

test('close ends a loop and a read, and all that come later', async (t) => {
  const { tun } = await withTun(t)
  const read = tun.read()
  await tun.close()
  t.is(await read, undefined)
  for await (const packet of tun) t.fail(textOf(packet))
  t.is(await tun.read(), undefined)
  await tun.close()
  await tun[Symbol.asyncDispose]()
  t.true(tun.isClosed)
  await tun.closed
})

test('deletion of the interface ends a loop with an error, and all that come later', async (t) => {
  const { tun, namespace } = await withTun(t)
  const read = tun.read()
  await namespace.run('ip', 'link', 'delete', tun.name)
  const error = await t.throwsAsync(read, { code: 'ERR_TUN_DEVICE_DELETED' })
  t.regex(error.message, /read from tun0: .*deleted/u)
  await t.throwsAsync(tun.read(), { code: 'ERR_TUN_DEVICE_DELETED' })
  await t.throwsAsync(tun.write(Buffer.alloc(20, 0x45)), { code: 'ERR_TUN_DEVICE_DELETED' })
})

test('an interface that is set down and up again is read from again', async (t) => {
  const { tun, namespace } = await withTun(t)
  const read = tun.read()
  await namespace.run('ip', 'link', 'set', tun.name, 'down')
  await t.throwsAsync(tun.write(Buffer.alloc(20, 0x45)), { code: 'ERR_TUN_INTERFACE_DOWN' })
  await namespace.run('ip', 'link', 'set', tun.name, 'up')
  await sendNumbers(namespace, 1)
  t.is(textOf((await read) ?? Buffer.alloc(0)), '0')
})

test('an abort ends what waits, with its reason, and gives the device free', async (t) => {
  const { tun, namespace } = await withTun(t)
  const controller = new AbortController()
  const reason = new Error('enough')
  const read = tun.read({ signal: controller.signal })
  controller.abort(reason)
  await t.throwsAsync(read, { is: reason })
  await t.throwsAsync(tun.read({ signal: controller.signal }), { is: reason })
  const later = new AbortController()
  const loop = async () => {
    for await (const packet of tun.packets({ signal: later.signal })) t.is(textOf(packet), '0')
  }
  const ended = t.throwsAsync(loop, { is: reason })
  await sendNumbers(namespace, 1)
  await sleep(20)
  later.abort(reason)
  await ended
  await sendNumbers(namespace, 1)
  t.is(textOf((await tun.read()) ?? Buffer.alloc(0)), '0')
})

test('nothing is read that nobody asks for', async (t) => {
  const { tun, namespace } = await withTun(t, { highWaterMark: 4, txQueueLength: 10 })
  await sendNumbers(namespace, 2)
  t.is(textOf((await tun.read()) ?? Buffer.alloc(0)), '0')
  await sendNumbers(namespace, 20)
  await sleep(50)
  // One packet was read ahead; ten of twenty wait in the kernel, which dropped the others.
  const seen: string[] = []
  while (seen.length < 11) seen.push(textOf((await tun.read()) ?? Buffer.alloc(0)))
  t.deepEqual(seen, ['1', ...numbers(10)])
  const { signal } = new AbortController()
  const none = tun.packets({ signal }).next()
  t.is(await Promise.race([none, sleep(50)]), undefined)
})

test('packet information stands before the packet, both ways', async (t) => {
  const { tun, namespace } = await withTun(t, { packetInformation: true })
  await sendNumbers(namespace, 1)
  const packet = (await tun.read()) ?? Buffer.alloc(0)
  t.deepEqual([...packet.subarray(0, 5)], [0, 0, 0x08, 0x00, 0x45])
  t.true(tun.tryWrite(packet))
})

test('two devices are read at the same time', async (t) => {
  const namespaces = [await withNamespace(t), await withNamespace(t)]
  const texts = await Promise.all(
    namespaces.map(async (namespace) => {
      const tun = await tunIn(t, namespace, { addresses: ['10.8.0.1/24'] })
      const read = tun.read()
      await sendNumbers(namespace, 1)
      return textOf((await read) ?? Buffer.alloc(0))
    }),
  )
  t.deepEqual(texts, ['0', '0'])
})
