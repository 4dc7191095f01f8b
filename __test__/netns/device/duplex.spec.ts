import { once } from 'node:events'
import { type Duplex, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TunError } from '../../../index.ts'
import { sendNumbers, textOf, tunIn, udpPacket, withTun } from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { rootTest as test } from '../../support/skip.ts'
import { Traffic } from '../../support/traffic.ts'

async function texts(stream: Duplex, count: number): Promise<string[]> {
  const seen: string[] = []
  stream.on('data', (packet: Buffer) => seen.push(textOf(packet)))
  while (seen.length < count) await once(stream, 'data')
  return seen
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => String(n))

test('a duplex reads packets in order and writes them, and destroying it frees the device', async (t) => {
  const { tun, namespace } = await withTun(t)
  const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1', '4')
  const port = Number(await receiver.port())
  const stream = tun.duplex()
  const reading = texts(stream, 30)
  await sendNumbers(namespace, 30)
  t.deepEqual(await reading, numbers(30))
  stream.write(udpPacket(port, 'a'))
  stream.cork()
  for (const text of ['b', 'c', 'd']) stream.write(udpPacket(port, text))
  stream.uncork()
  t.is(Buffer.from((await receiver.next()).hex ?? '', 'hex').toString(), 'abcd')
  await t.throwsAsync(tun.read(), { code: 'ERR_TUN_LOCKED' })
  stream.destroy()
  await sendNumbers(namespace, 1)
  t.is(textOf((await tun.read()) ?? Buffer.alloc(28)), '0')
})

test('a duplex reads nothing before it is asked, and a batch at most ahead', async (t) => {
  const { tun, namespace } = await withTun(t, { txQueueLength: 10 })
  const stream = tun.duplex({ highWaterMark: 4 })
  t.is(stream.writableHighWaterMark, 4)
  await sendNumbers(namespace, 10)
  await sleep(20)
  stream.pause()
  await once(
    stream.on('readable', () => undefined),
    'readable',
  )
  await sleep(20)
  t.is(tun.stats().read.packets, 4)
  t.is(stream.readableLength, 1)
})

test('two duplex streams joined by pipeline carry a stream of TCP whole', async (t) => {
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  const one = await tunIn(t, near, { addresses: ['10.8.0.1/24'] })
  const two = await tunIn(t, far, { addresses: ['10.8.0.2/24'] })
  const [left, right] = [one.duplex(), two.duplex()]
  const ends = [pipeline(left, right), pipeline(right, left)]
  const sink = new Traffic(t, far, 'tcpSink', '10.8.0.2')
  const source = new Traffic(t, near, 'tcpSource', '10.8.0.2', await sink.port(), '2000000')
  const [sent, received] = [await source.next(), await sink.next()]
  t.is(received.bytes, 2_000_000)
  t.is(received.sha256, sent.sha256)
  left.destroy()
  right.destroy()
  await Promise.allSettled(ends)
})

test('two devices joined by Web streams carry a stream of TCP whole', async (t) => {
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  const one = await tunIn(t, near, { addresses: ['10.8.0.1/24'] })
  const two = await tunIn(t, far, { addresses: ['10.8.0.2/24'] })
  const controller = new AbortController()
  const { signal } = controller
  const ends = [
    one.readable.pipeTo(two.writable, { signal }),
    two.readable.pipeTo(one.writable, { signal }),
  ]
  const sink = new Traffic(t, far, 'tcpSink', '10.8.0.2')
  const source = new Traffic(t, near, 'tcpSource', '10.8.0.2', await sink.port(), '2000000')
  const [sent, received] = [await source.next(), await sink.next()]
  t.is(received.bytes, 2_000_000)
  t.is(received.sha256, sent.sha256)
  const reason = new Error('enough')
  controller.abort(reason)
  for (const end of ends) await t.throwsAsync(end, { is: reason })
  await sendNumbers(near, 1)
  t.truthy(await one.read())
})

test('close ends the reading of a duplex, and refuses what is written after', async (t) => {
  const { tun } = await withTun(t)
  const stream = tun.duplex()
  const ended = once(stream.resume(), 'end')
  await sleep(10)
  await tun.close()
  await ended
  stream.write(udpPacket(9, 'x'))
  const [error] = (await once(stream, 'error')) as [TunError]
  t.is(error.code, 'ERR_TUN_CLOSED')
})

test('deletion of the interface destroys a duplex with its error', async (t) => {
  const { tun, namespace } = await withTun(t)
  const stream = tun.duplex()
  const failed = once(stream.resume(), 'error')
  await sleep(10)
  await namespace.run('ip', 'link', 'delete', tun.name)
  const [error] = (await failed) as [TunError]
  t.is(error.code, 'ERR_TUN_DEVICE_DELETED')
})

test('a signal destroys a duplex with its reason, also one that was aborted before', async (t) => {
  const { tun, namespace } = await withTun(t)
  const controller = new AbortController()
  const { signal } = controller
  const reason = new Error('enough')
  const stream = tun.duplex({ signal }).resume()
  const failed = once(stream, 'error')
  await sleep(10)
  controller.abort(reason)
  t.is((await failed)[0], reason)
  t.is((await once(tun.duplex({ signal }), 'error'))[0], reason)
  await sendNumbers(namespace, 1)
  t.truthy(await tun.read())
})

test('a packet that is refused destroys a duplex, unless somebody wants to be told', async (t) => {
  const { tun } = await withTun(t)
  const [good, bad] = [udpPacket(9, 'x'), Buffer.alloc(30)]
  const stream = tun.duplex()
  stream.write(bad)
  const [error] = (await once(stream, 'error')) as [TunError]
  t.is(error.code, 'ERR_TUN_PACKET_REFUSED')
  const refused: Uint8Array[] = []
  const patient = tun.duplex({ onRefused: (_error, packet) => refused.push(packet) })
  patient.write(bad)
  patient.cork()
  for (const packet of [good, bad, good, bad]) patient.write(packet)
  patient.uncork()
  patient.end()
  await once(patient, 'finish')
  t.deepEqual(refused, [bad, bad, bad])
})

test('a second reader beside a duplex is refused, and a transform may stand between', async (t) => {
  const { tun, namespace } = await withTun(t)
  const stream = tun.duplex()
  const reading = texts(
    stream.pipe(
      new Transform({
        objectMode: true,
        transform(packet: Buffer, _encoding, done) {
          done(null, Buffer.from(packet))
        },
      }),
    ),
    2,
  )
  await sleep(10)
  const [error] = (await once(tun.duplex().resume(), 'error')) as [TunError]
  t.is(error.code, 'ERR_TUN_LOCKED')
  await sendNumbers(namespace, 2)
  t.deepEqual(await reading, ['0', '1'])
  stream.destroy()
})
