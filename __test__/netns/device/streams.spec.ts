import { setTimeout as sleep } from 'node:timers/promises'
import type { TunDevice, TunError } from '../../../index.ts'
import { sendNumbers, textOf, udpPacket, withTun } from '../../support/device.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { INDEX, runModule } from '../../support/script.ts'
import { rootTest as test } from '../../support/skip.ts'
import { Traffic } from '../../support/traffic.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, n) => String(n))

/** Returns the text of the next packet, which must exist or arrive. */
async function textFrom(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read()
  return value ? textOf(value) : 'the end'
}

async function textRead(tun: TunDevice): Promise<string> {
  return textOf((await tun.read()) ?? Buffer.alloc(28))
}

test('a readable gives every packet in order, and whoever cancels it frees the device', async (t) => {
  const { tun, namespace } = await withTun(t)
  const stream = tun.readable
  t.is(tun.readable, stream)
  await sendNumbers(namespace, 40)
  const reader = stream.getReader()
  const seen: string[] = []
  while (seen.length < 40) seen.push(await textFrom(reader))
  t.deepEqual(seen, numbers(40))
  await t.throwsAsync(tun.read(), { code: 'ERR_TUN_LOCKED' })
  const waiting = reader.read()
  await reader.cancel()
  t.true((await waiting).done)
  await sendNumbers(namespace, 1)
  t.is(await textRead(tun), '0')
  t.not(tun.readable, stream)
})

test('a loop over a readable that is left frees the device', async (t) => {
  const { tun, namespace } = await withTun(t)
  await sendNumbers(namespace, 1)
  for await (const packet of tun.readable) {
    t.is(textOf(packet), '0')
    break
  }
  await sendNumbers(namespace, 1)
  t.is(await textRead(tun), '0')
})

test('a readable reads nothing before it is asked, and then one batch at most', async (t) => {
  const { tun, namespace } = await withTun(t, { txQueueLength: 10 })
  const { readable } = tun.streams({ highWaterMark: 4 })
  await sendNumbers(namespace, 10)
  await sleep(20)
  const reader = readable.getReader()
  const seen = [await textFrom(reader)]
  await sleep(20)
  // Three packets wait in the stream and six in the kernel, which has room for four more of them.
  await sendNumbers(namespace, 10)
  while (seen.length < 14) seen.push(await textFrom(reader))
  t.deepEqual(seen, [...numbers(10), ...numbers(4)])
  t.is(await Promise.race([reader.read(), sleep(50)]), undefined)
})

test('a readable beside a loop is refused, and the loop goes on', async (t) => {
  const { tun, namespace } = await withTun(t)
  const loop = tun[Symbol.asyncIterator]()
  const first = loop.next()
  const stream = tun.readable
  const error = await t.throwsAsync(stream.getReader().read(), { code: 'ERR_TUN_LOCKED' })
  t.regex(error.message, /somebody reads from it already/u)
  await sendNumbers(namespace, 1)
  t.is(textOf((await first).value ?? Buffer.alloc(28)), '0')
  await loop.return?.()
  const again = tun.readable.getReader()
  t.not(tun.readable, stream)
  await sendNumbers(namespace, 1)
  t.is(await textFrom(again), '0')
})

test('close ends a readable under a pending read, and one that nobody reads', async (t) => {
  const { tun, namespace } = await withTun(t)
  const reader = tun.readable.getReader()
  const waiting = reader.read()
  const { readable } = tun.streams()
  await tun.close()
  t.true((await waiting).done)
  await reader.closed
  t.true((await readable.getReader().read()).done)
  t.true((await tun.readable.getReader().read()).done)
  await t.throwsAsync(namespace.run('ip', 'link', 'show', tun.name))
})

test('deletion of the interface ends streams with its error', async (t) => {
  const { tun, namespace } = await withTun(t)
  const reader = tun.readable.getReader()
  const waiting = reader.read()
  await namespace.run('ip', 'link', 'delete', tun.name)
  await t.throwsAsync(waiting, { code: 'ERR_TUN_DEVICE_DELETED' })
  await t.throwsAsync(reader.closed, { code: 'ERR_TUN_DEVICE_DELETED' })
  const writer = tun.writable.getWriter()
  await t.throwsAsync(writer.write(udpPacket(9, 'x')), { code: 'ERR_TUN_DEVICE_DELETED' })
  await t.throwsAsync(writer.closed, { code: 'ERR_TUN_DEVICE_DELETED' })
})

test('an abort ends both streams with its reason, and frees the device', async (t) => {
  const { tun, namespace } = await withTun(t)
  const controller = new AbortController()
  const { signal } = controller
  const { readable, writable } = tun.streams({ signal })
  const reader = readable.getReader()
  const writer = writable.getWriter()
  const waiting = reader.read()
  const reason = new Error('enough')
  controller.abort(reason)
  await t.throwsAsync(waiting, { is: reason })
  await t.throwsAsync(writer.closed, { is: reason })
  const late = tun.streams({ signal })
  await t.throwsAsync(late.readable.getReader().read(), { is: reason })
  await t.throwsAsync(late.writable.getWriter().closed, { is: reason })
  await sendNumbers(namespace, 1)
  t.is(await textRead(tun), '0')
})

test('what is written to a writable arrives, and closing it leaves the device open', async (t) => {
  const { tun, namespace } = await withTun(t)
  const receiver = new Traffic(t, namespace, 'udpReceive', '10.8.0.1', '3')
  const port = Number(await receiver.port())
  const stream = tun.writable
  t.is(tun.writable, stream)
  const writer = stream.getWriter()
  t.is(writer.desiredSize, tun.highWaterMark)
  await writer.write(udpPacket(port, 'a'))
  await writer.write(udpPacket(port, 'b'))
  await writer.close()
  t.not(tun.writable, stream)
  await tun.writable.getWriter().write(udpPacket(port, 'c'))
  t.is(Buffer.from((await receiver.next()).hex ?? '', 'hex').toString(), 'abc')
})

test('a packet that is refused ends a writable, unless somebody wants to be told', async (t) => {
  const { tun, namespace } = await withTun(t)
  const bad = Buffer.alloc(30)
  const writer = tun.writable.getWriter()
  await t.throwsAsync(writer.write(bad), { code: 'ERR_TUN_PACKET_REFUSED' })
  await t.throwsAsync(writer.write(udpPacket(9, 'x')), { code: 'ERR_TUN_PACKET_REFUSED' })
  const refused: [TunError, Uint8Array][] = []
  const { writable } = tun.streams({
    onRefused: (error, packet) => refused.push([error, packet]),
  })
  const patient = writable.getWriter()
  await patient.write(bad)
  await namespace.run('ip', 'link', 'set', tun.name, 'down')
  await patient.write(udpPacket(9, 'x'))
  t.deepEqual(
    refused.map(([{ code }]) => code),
    ['ERR_TUN_PACKET_REFUSED', 'ERR_TUN_INTERFACE_DOWN'],
  )
  t.is(refused[0]?.[1], bad)
  await t.throwsAsync(patient.write('text' as never), { code: 'ERR_TUN_INVALID_ARGUMENT' })
})

test('close of the device ends a writable with an error, abort of a writable does not close it', async (t) => {
  const { tun } = await withTun(t)
  const reason = new Error('enough')
  const aborted = tun.writable.getWriter()
  await aborted.abort(reason)
  await t.throwsAsync(aborted.closed, { is: reason })
  const writer = tun.writable.getWriter()
  await writer.write(udpPacket(9, 'x'))
  await tun.close()
  await t.throwsAsync(writer.closed, { code: 'ERR_TUN_CLOSED' })
  await t.throwsAsync(tun.writable.getWriter().write(udpPacket(9, 'x')), {
    code: 'ERR_TUN_CLOSED',
  })
})

test('stream options of the wrong kind are refused by name', async (t) => {
  const { tun } = await withTun(t)
  const code = 'ERR_TUN_INVALID_ARGUMENT'
  const calls: [options: object, message: RegExp][] = [
    [{ highWaterMark: 0 }, /^Invalid highWaterMark 0: expected a whole number from 1 to 256/u],
    [{ highWaterMark: 257 }, /^Invalid highWaterMark 257/u],
    [{ signal: 'now' }, /^Invalid signal "now"/u],
    [{ onRefused: 7 }, /^Invalid onRefused 7: expected a function/u],
  ]
  for (const [options, message] of calls) {
    t.throws(() => tun.streams(options), { code, message })
    t.throws(() => tun.duplex(options), { code, message })
  }
  t.throws(() => tun.duplex(null as never), { code, message: /^Invalid options null/u })
})

/** Runs a module inside the namespace; it can use `openTun`, `options`, `links` and `worker`. */
async function run(namespace: Namespace, script: string): Promise<string> {
  const prelude = `
    import { execFileSync } from 'node:child_process'
    import { once } from 'node:events'
    import { Worker } from 'node:worker_threads'
    import { openTun } from '${INDEX}'
    const options = { name: 'vpn0', addresses: ['10.8.0.1/24'] }
    const links = () => JSON.parse(execFileSync('ip', ['-j', 'link'])).map((link) => link.ifname).join()
    const worker = (body) => new Worker(\`
      import { parentPort } from 'node:worker_threads'
      import { openTun } from '${INDEX}'
      const tun = await openTun(\${JSON.stringify(options)})
      \${body}\`, { eval: true })
    `
  return runModule(namespace, prelude + script)
}

test('a stream that nobody reads, or of an unreferenced device, holds no process up', async (t) => {
  const namespace = await withNamespace(t)
  const idle = `const tun = await openTun(options)
    tun.readable.getReader(); tun.writable.getWriter(); tun.duplex(); console.log('idle')`
  t.is(await run(namespace, idle), 'idle')
  const unreferenced = `const tun = (await openTun(options)).unref()
    void tun.readable.getReader().read(); console.log('idle')`
  t.is(await run(namespace, unreferenced), 'idle')
})

test('worker.terminate() ends streams that wait', async (t) => {
  const namespace = await withNamespace(t)
  const bodies = [
    `void tun.readable.pipeTo(tun.writable); parentPort.postMessage('ready')`,
    `tun.duplex().resume(); parentPort.postMessage('ready')`,
  ]
  for (const body of bodies) {
    const said = await run(
      namespace,
      `const w = worker(${JSON.stringify(body)})
      await once(w, 'message')
      await w.terminate()
      while (links() !== 'lo') await new Promise((resolve) => setTimeout(resolve, 10))
      console.log('gone')`,
    )
    t.is(said, 'gone', body)
  }
})
