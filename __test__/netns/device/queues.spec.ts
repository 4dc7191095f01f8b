import { setTimeout as sleep } from 'node:timers/promises'
import { openTun } from '../../../index.ts'
import {
  BEHIND,
  NEAR,
  SEGMENTS,
  linkOf,
  sendGsoBatch,
  tapIn,
  textOf,
  tunIn,
  udpPacket,
  withTun,
} from '../../support/device.ts'
import { eventually } from '../../support/gone.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { Traffic } from '../../support/traffic.ts'

/** Sends datagrams of many flows to adjacent addresses, each with the number of its flow and its own number. */
async function sendFlows({ run }: Namespace, flows: number, each: number): Promise<void> {
  const script = `for ((f=2;f<${flows + 2};f++)); do exec {fd}>/dev/udp/10.8.0.$f/9
    for ((n=0;n<${each};n++)); do echo -n "$f:$n" >&$fd; done; exec {fd}>&-; done`
  await run('bash', '-c', script)
}

/** Returns the numbers of each flow in their order of arrival. */
function byFlow(texts: readonly string[]): Map<string, string[]> {
  const flows = new Map<string, string[]>()
  for (const text of texts) {
    const [flow = '', number = ''] = text.split(':')
    flows.set(flow, [...(flows.get(flow) ?? []), number])
  }
  return flows
}

for (const offload of [false, 'auto'] as const) {
  test(`four queues are read as one, each flow in order, with offload ${offload}`, async (t) => {
    const { tun, namespace } = await withTun(t, { queues: 4, offload })
    t.is(tun.queues, 4)
    const { info_data: data } = (await linkOf(namespace, tun.name)).linkinfo
    t.like(data, { multi_queue: true, numqueues: 4 })
    await sendFlows(namespace, 30, 5)
    const texts: string[] = []
    for await (const batch of tun.batches({ maxPackets: 7 })) {
      t.true(batch.length <= 7)
      if (texts.push(...batch.map(textOf)) === 150) break
    }
    const flows = byFlow(texts)
    t.is(flows.size, 30)
    for (const numbers of flows.values()) t.deepEqual(numbers, ['0', '1', '2', '3', '4'])
  })
}

test('reading waits for any of the queues, and nobody is kept alive after it', async (t) => {
  const { tun, namespace } = await withTun(t, { queues: 3 })
  for (let turn = 0; turn < 12; turn++) {
    const read = tun.read()
    await namespace.run('bash', '-c', `echo -n ${turn} > /dev/udp/10.8.0.${turn + 2}/9`)
    t.is(textOf((await read) ?? Buffer.alloc(28)), String(turn))
  }
  const read = tun.read()
  await tun.close()
  t.is(await read, undefined)
})

test('what is written spreads over the queues, and each packet arrives or is told', async (t) => {
  for (const offload of [false, 'auto'] as const) {
    const { tun, namespace } = await withTun(t, { queues: 3, offload })
    const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1', '20')
    const port = Number(await receiver.port())
    const packets = Array.from({ length: 20 }, (_, n) =>
      udpPacket(port, String(n).padStart(2, '0')),
    )
    const bad = Buffer.alloc(30)
    const error = (await t.throwsAsync(
      tun.writeBatch([...packets.slice(0, 10), bad, Buffer.alloc(0)]),
      {
        code: 'ERR_TUN_PACKET_REFUSED',
      },
    )) as unknown as { refused: { index: number }[] }
    t.deepEqual(
      error.refused.map(({ index }) => index),
      [10, 11],
    )
    for (const packet of packets.slice(10)) t.true(tun.tryWrite(packet))
    const texts = Array.from({ length: 20 }, (_, n) => String(n).padStart(2, '0')).join('')
    t.is(Buffer.from((await receiver.next()).hex ?? '', 'hex').toString(), texts)
  }
})

test('a refused packet between others of a batch is told by its own number', async (t) => {
  const { tun } = await withTun(t)
  const good = udpPacket(9, 'x')
  const bad = Buffer.alloc(30)
  const error = (await t.throwsAsync(
    tun.writeBatch([good, Buffer.alloc(0), good, bad, good, bad]),
    {
      code: 'ERR_TUN_PACKET_REFUSED',
    },
  )) as unknown as { refused: { index: number }[] }
  t.deepEqual(
    error.refused.map(({ index }) => index),
    [1, 3, 5],
  )
  t.is(tun.stats().written.refused, 3)
})

test('a queue is detached and attached again, and the others go on', async (t) => {
  const { tun, namespace } = await withTun(t, { queues: 2 })
  await tun.detachQueue(0)
  const { kindData } = await tun.link()
  t.like(kindData, { queues: 1, detachedQueues: 1 })
  await sendFlows(namespace, 10, 1)
  const texts: string[] = []
  for await (const packet of tun) if (texts.push(textOf(packet)) === 10) break
  t.is(byFlow(texts).size, 10)
  const read = tun.read()
  await tun.detachQueue(1)
  await t.throwsAsync(tun.write(udpPacket(9, 'x')), {
    code: 'ERR_TUN_DETACHED',
    message: /^write a packet to tun0: all its queues are detached; attach one/u,
  })
  await t.throwsAsync(tun.link(), { code: 'ERR_TUN_DETACHED' })
  await t.throwsAsync(tun.detachQueue(1), {
    message: /^detach a queue of tun0: .*already detached/u,
  })
  t.is(await Promise.race([read, sleep(50)]), undefined)
  await tun.attachQueue(1)
  await tun.attachQueue(0)
  await sendFlows(namespace, 1, 1)
  t.is(textOf((await read) ?? Buffer.alloc(28)), '2:0')
  t.like((await tun.link()).kindData, { queues: 2, detachedQueues: 0 })
  t.true(tun.tryWrite(udpPacket(9, 'x')))
})

test('a device of one queue has none to detach', async (t) => {
  const { tun } = await withTun(t)
  await t.throwsAsync(tun.detachQueue(), {
    code: 'ERR_TUN_UNSUPPORTED',
    message: /^detach a queue of tun0: it is a device of one queue/u,
  })
})

test('a TAP device may have several queues, exclusively, and a second program one of its own', async (t) => {
  const namespace = await withNamespace(t)
  const options = { name: 'mq0', queues: 2, create: 'always', ifIndex: 77 } as const
  const tap = await tapIn(t, namespace, options)
  t.is(tap.ifIndex, 77)
  const other = await tapIn(t, namespace, { name: 'mq0', multiQueue: true, create: 'never' })
  t.like((await other.link()).kindData, { mode: 'tap', queues: 3 })
  const frame = Buffer.concat([Buffer.alloc(12), Buffer.from('0800', 'hex'), udpPacket(9, 'x')])
  t.true(tap.tryWrite(frame))
  await t.throwsAsync(openTun({ name: 'mq0', netns: namespace.name, queues: 2 }), {
    code: 'ERR_TUN_DEVICE_MISMATCH',
  })
})

test('a queue too many is refused, and none of those before it stays', async (t) => {
  const namespace = await withNamespace(t)
  const all = await tunIn(t, namespace, { name: 'mq0', queues: 255 })
  t.is(all.queues, 255)
  await t.throwsAsync(
    openTun({ name: 'mq0', netns: namespace.name, queues: 2, addresses: [NEAR] }),
    { code: 'ERR_TUN_EXHAUSTED', message: /256 queues/u },
  )
  const queues = async () => {
    const { kindData } = await all.link()
    return kindData && 'queues' in kindData ? kindData.queues : undefined
  }
  await eventually(t, queues, 255)
  t.notRegex(await namespace.run('ip', 'address', 'show', 'mq0'), /10\.8/u)
})

test('what a super-packet was cut into is read though nothing else comes', async (t) => {
  if (!hasTools(t, 'python3')) return
  const { tun, namespace } = await withTun(t, { highWaterMark: SEGMENTS - 1 })
  await sendGsoBatch(namespace)
  let count = 0
  for await (const packet of tun) {
    t.is(packet.subarray(16, 20).join('.'), BEHIND)
    if (++count === SEGMENTS) break
  }
})
