import { setTimeout as sleep } from 'node:timers/promises'
import { BatchError, type TunDevice, type TunError } from '../../../index.ts'
import { tapIn, tunIn, udpPacket, withTun } from '../../support/device.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { LOCAL_EXPERIMENTAL, frames, slowTap } from '../../support/slowTap.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { Traffic } from '../../support/traffic.ts'

test('a packet that is written arrives', async (t) => {
  const { tun, namespace } = await withTun(t)
  const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1')
  const port = Number(await receiver.port())
  t.true(tun.tryWrite(udpPacket(port, 'hello')))
  t.is((await receiver.next()).hex, Buffer.from('hello').toString('hex'))
})

const WAYS: readonly [name: string, write: (tun: TunDevice, packets: Buffer[]) => Promise<void>][] =
  [
    ['batch', (tun, packets) => tun.writeBatch(packets)],
    ['packed batch', (tun, packets) => tun.writePacked(pack(packets))],
  ]

/** Returns packets one after the other, with other bytes before and after them. */
function pack(packets: Buffer[]) {
  const offsets = new Uint32Array(packets.length + 1)
  offsets[0] = 3
  for (const [n, packet] of packets.entries()) offsets[n + 1] = (offsets[n] ?? 0) + packet.length
  return { buffer: Buffer.concat([Buffer.alloc(3), ...packets, Buffer.alloc(2)]), offsets }
}

for (const [name, write] of WAYS) {
  for (const offload of [false, 'auto'] as const) {
    test(`of a ${name}, offload ${offload}, what is refused is told and the rest arrives`, async (t) => {
      const { tun, namespace } = await withTun(t, { offload })
      const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1', '40')
      const port = Number(await receiver.port())
      const packets = Array.from({ length: 40 }, (_, n) =>
        udpPacket(port, String(n).padStart(2, '0')),
      )
      await write(tun, packets.slice(0, 20))
      const bad = [Buffer.alloc(0), Buffer.alloc(30), ...packets.slice(20), Buffer.alloc(1)]
      const error = await t.throwsAsync(write(tun, bad), { instanceOf: BatchError })
      t.is(error.code, 'ERR_TUN_PACKET_REFUSED')
      t.deepEqual(
        error.refused.map(({ index }) => index),
        [0, 1, 22],
      )
      t.regex(error.message, /^write packet 0 to tun0: .* \(and 2 more of the batch\)$/u)
      const texts = Array.from({ length: 40 }, (_, n) => String(n).padStart(2, '0')).join('')
      t.is(Buffer.from((await receiver.next()).hex ?? '', 'hex').toString(), texts)
    })
  }
}

test('what is no packet is refused with its name', async (t) => {
  const { tun } = await withTun(t)
  const refusals: [call: () => Promise<void>, message: RegExp][] = [
    [() => tun.write('text' as never), /^Invalid packet "text": expected a Uint8Array/u],
    [() => tun.write(new ArrayBuffer(20) as never), /^Invalid packet object/u],
    [() => tun.writeBatch('text' as never), /^Invalid packets "text"/u],
    [() => tun.writeBatch([Buffer.alloc(20, 0x45), 7 as never]), /^Invalid packet 1 7/u],
    [
      () => tun.writePacked({ buffer: Buffer.alloc(1), offsets: [0, 1] as never }),
      /^Invalid offsets/u,
    ],
    [() => tun.writePacked(null as never), /^Invalid offsets/u],
  ]
  for (const [call, message] of refusals)
    await t.throwsAsync(call, { code: 'ERR_TUN_INVALID_ARGUMENT', message })
  await tun.close()
  await t.throwsAsync(tun.write(Buffer.alloc(20)), { code: 'ERR_TUN_CLOSED' })
  await t.throwsAsync(tun.writeBatch([]), { code: 'ERR_TUN_CLOSED' })
})

test('a frame that is written arrives, and one too short is refused', async (t) => {
  const namespace = await withNamespace(t)
  const tap = await tapIn(t, namespace, {
    addresses: ['10.8.0.1/24'],
    macAddress: '02:00:00:00:00:01',
  })
  const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1')
  const port = Number(await receiver.port())
  const header = Buffer.from('020000000001020000000002' + '0800', 'hex')
  t.true(tap.tryWrite(Buffer.concat([header, udpPacket(port, 'hello')])))
  t.is((await receiver.next()).hex, Buffer.from('hello').toString('hex'))
  const error = await t.throwsAsync<TunError>(tap.write(Buffer.alloc(13)))
  t.is(error.code, 'ERR_TUN_PACKET_REFUSED')
})

/** Returns the last byte of each frame that arrives at an interface, up to a number of frames. */
function lastBytes({ run }: Namespace, name: string, count: number): Promise<string> {
  const script = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x${LOCAL_EXPERIMENTAL}))
s.bind(('${name}', 0x${LOCAL_EXPERIMENTAL}))
print('ready', end=' ', flush=True)
print(*[s.recv(2000)[-1] for _ in range(${count})])`
  return run('python3', '-c', script)
}

test('a device without room takes packets later, in order, and close refuses who waits', async (t) => {
  if (!hasTools(t, 'tc', 'python3')) return
  const namespace = await withNamespace(t)
  const tap = await slowTap(t, namespace)
  const seen = lastBytes(namespace, 'v1', 60)
  // packet(7): the sockets of the namespace that receive frames, by their protocol.
  while (!(await namespace.run('cat', '/proc/net/packet')).includes(LOCAL_EXPERIMENTAL))
    await sleep(10)
  const waited: Promise<void>[] = frames(20).map((frame) => tap.write(frame))
  waited.push(tap.writeBatch(frames(20, 20)))
  const [buffer, offsets] = [Buffer.concat(frames(20, 40)), new Uint32Array(21)]
  for (let n = 1; n < offsets.length; n++) offsets[n] = n * 1000
  waited.push(tap.writePacked({ buffer, offsets }))
  // The first packet was accepted at once, and the last one waits.
  t.is(waited[0], waited[1])
  t.not(waited[0], waited.at(-1))
  for (const promise of waited) await promise
  const numbers = Array.from({ length: 60 }, (_, n) => n).join(' ')
  t.is((await seen).trim(), `ready ${numbers}`)
  const late = [tap.writeBatch(frames(20)), tap.write(Buffer.alloc(1000))]
  const refused = late.map((promise) =>
    t.throwsAsync(async () => promise, { code: 'ERR_TUN_CLOSED' }),
  )
  await tap.close()
  await Promise.all(refused)
})

test('packets that are forwarded between two devices carry a stream whole, in every way', async (t) => {
  for (const way of ['packet', 'batch', 'packed'] as const) {
    for (const offload of [false, 'auto'] as const) {
      const [near, far] = [await withNamespace(t), await withNamespace(t)]
      const one = await tunIn(t, near, { addresses: ['10.8.0.1/24'], offload })
      const two = await tunIn(t, far, { addresses: ['10.8.0.2/24'], offload })
      void forward(one, two, way)
      void forward(two, one, way)
      const sink = new Traffic(t, far, 'tcpSink', '10.8.0.2')
      const source = new Traffic(t, near, 'tcpSource', '10.8.0.2', await sink.port(), '3000000')
      const [sent, received] = [await source.next(), await sink.next()]
      t.is(received.bytes, 3_000_000)
      t.is(received.sha256, sent.sha256, `${way}, offload ${offload}`)
      await Promise.all([one.close(), two.close()])
    }
  }
})

async function forward(from: TunDevice, to: TunDevice, way: 'packet' | 'batch' | 'packed') {
  try {
    if (way === 'packet') for await (const packet of from) await to.write(packet)
    if (way === 'batch') for await (const batch of from.batches()) await to.writeBatch(batch)
    if (way === 'packed')
      for await (const batch of from.packedBatches({ reuse: true })) await to.writePacked(batch)
  } catch (error) {
    // The other device was closed earlier.
    if ((error as TunError).code !== 'ERR_TUN_CLOSED') throw error
  }
}

test('an echo gives back what was sent', async (t) => {
  const { tun, namespace } = await withTun(t)
  void (async () => {
    for await (const packet of tun) {
      const from = packet.subarray(12, 16)
      const to = Buffer.from(packet.subarray(16, 20))
      packet.set(from, 16)
      packet.set(to, 12)
      const ports = Buffer.from([...packet.subarray(22, 24), ...packet.subarray(20, 22)])
      packet.set(ports, 20)
      await tun.write(packet)
    }
  })()
  const traffic = new Traffic(t, namespace, 'udpLengths', '10.8.0.2', '7', '1,1400,97')
  t.is((await traffic.next()).echoed, 15)
})
