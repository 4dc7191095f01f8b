import { open, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ExecutionContext } from 'ava'
import {
  type Capture,
  type Relay,
  type TestHost,
  testNetwork,
  verifyChecksums,
} from '../../index.ts'
import { readPcapng } from '../support/capture/pcapng.ts'
import { temporaryFolder } from '../support/folder.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

const PORT = 5001

/** Starts a relay at each end of a link. Returns that of the first end. */
async function startPair(
  t: ExecutionContext,
): Promise<{ relay: Relay; host: TestHost; peer: TestHost }> {
  const { hosts, close } = await pair(t)
  t.teardown(close)
  const start = async (host: TestHost, number: number) =>
    host.startRelay({
      addresses: [`10.9.0.${number}/24`],
      name: 'vpn0',
      peer: `192.0.2.${3 - number}`,
      sendPort: PORT,
      receivePort: PORT,
    })
  const relay = await start(hosts.a, 1)
  await start(hosts.b, 2)
  return { relay, host: hosts.a, peer: hosts.b }
}

async function pair(t: ExecutionContext) {
  t.timeout(60_000)
  const network = await testNetwork({
    hosts: { a: {}, b: {} },
    links: [{ ends: { a: '192.0.2.1/24', b: '192.0.2.2/24' } }],
  })
  return { hosts: network.hosts, close: async () => network.close() }
}

const ping = async (host: TestHost): Promise<unknown> =>
  host.run('ping', ['-nqc', '3', '-i', '0.01', '10.9.0.2'])

/** Returns the requests and replies in a capture, by point and direction. */
function pings(bytes: Buffer): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { point, isOutbound, data } of readPcapng(bytes).packets) {
    const packet = point === 'udp' ? data.subarray(28) : data
    // ICMP of IPv4.
    if (packet[0] !== 0x45 || packet[9] !== 1) continue
    const key = `${point} ${isOutbound ? 'out' : 'in'}`
    found[key] = (found[key] ?? 0) + 1
  }
  return found
}

const ALL_PINGS = { 'udp in': 3, 'udp out': 3, 'vpn0 in': 3, 'vpn0 out': 3 }

test('a capture is a file that only its owner may read, and its counts are those of the file', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { relay, host } = await startPair(t)
  const path = join(temporaryFolder(t), 'a.pcapng')
  const capture = await relay.capture({ path: pathToFileURL(path) })
  t.false(capture.isClosed)
  await ping(host)
  await capture.close()
  await capture.close()
  await capture.closed
  t.true(capture.isClosed)
  t.is((await stat(path)).mode & 0o777, 0o600)
  const bytes = await readFile(path)
  t.deepEqual(pings(bytes), ALL_PINGS)
  const { interfaces, statistics, packets, torn } = readPcapng(bytes)
  const stats = capture.stats()
  t.deepEqual(interfaces, ['vpn0', 'udp'])
  t.is(torn, 0)
  t.is(stats.bytes, bytes.length)
  const sum = ({ outbound, inbound }: typeof stats.inside) => outbound.packets + inbound.packets
  t.deepEqual(
    statistics.map(([received, dropped]) => [received, dropped]),
    [
      [sum(stats.inside), 0],
      [sum(stats.outside), 0],
    ],
  )
  t.is(packets.length, sum(stats.inside) + sum(stats.outside))
  await t.throwsAsync(relay.capture({ path }), { code: 'ERR_TUN_EXISTS', message: /overwrite/u })
  await using again = await relay.capture({ path, overwrite: true, points: ['inside'] })
  t.is(again.stats().files, 1)
})

test('a capture without a file is a stream, and ends with the stream', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { relay, host } = await startPair(t)
  const read = async (capture: Capture): Promise<Buffer> => {
    const chunks: Buffer[] = []
    for await (const chunk of capture) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  const capture = await relay.capture()
  const bytes = read(capture)
  await ping(host)
  await capture.close()
  t.deepEqual(pings(await bytes), ALL_PINGS)
  // The first block comes without a packet, and a loop that ends early ends the capture.
  const left = await relay.capture({ points: ['outside'] })
  for await (const chunk of left) {
    t.is(chunk.readUInt32LE(0), 0x0a0d0d0a)
    break
  }
  await left.closed
  const destroyed = await relay.capture()
  t.is(destroyed.readable(), destroyed.readable())
  destroyed.readable().destroy()
  await destroyed.closed
  // Captures that are not read end with the relay.
  const open = [await relay.capture(), await relay.capture()]
  open[0]?.readable()
  await relay.close()
  await Promise.all(open.map(async ({ closed }) => closed))
  await t.throwsAsync(relay.capture(), { code: 'ERR_TUN_CLOSED' })
})

/** Bytes of the stream, in which each place has other bytes next to it. */
const STREAM = Buffer.from(Uint32Array.from({ length: 500_000 }, (_, index) => index).buffer)

const SERVER = `require('node:net').createServer((socket) => {
  socket.resume().on('end', () => process.exit())
}).listen(7000, '10.9.0.2')`

const CLIENT = `const stream = Buffer.from(Uint32Array.from({ length: ${STREAM.length / 4} }, (_, index) => index).buffer)
;(function connect() {
  const socket = require('node:net').connect(7000, '10.9.0.2')
  socket.on('error', () => setTimeout(connect, 50)).on('connect', () => socket.end(stream))
})()`

test('a TCP stream that the kernel passes in super-packets is captured as the packets they are split into', async (t) => {
  const { relay, host, peer } = await startPair(t)
  const path = join(temporaryFolder(t), 'stream.pcapng')
  const capture = await relay.capture({ path, bufferBytes: 1 << 26 })
  await Promise.all([
    peer.run(process.execPath, ['-e', SERVER]),
    host.run(process.execPath, ['-e', CLIENT]),
  ])
  await capture.close()
  const { outbound } = relay.stats()
  t.true(outbound.superPacketsRead > 0, JSON.stringify(outbound))
  const stats = capture.stats()
  t.is(stats.inside.outbound.leftOut + stats.outside.outbound.leftOut, 0)
  const { packets } = readPcapng(await readFile(path))
  for (const [point, headers] of [
    ['vpn0', 0],
    ['udp', 28],
  ] as const) {
    const found = Buffer.alloc(STREAM.length)
    let [count, first] = [0, 0]
    for (const one of packets.filter((packet) => packet.isOutbound && packet.point === point)) {
      const packet = one.data.subarray(headers)
      // TCP over IPv4.
      if (packet[0] !== 0x45 || packet[9] !== 6) continue
      t.is(packet.length, packet.readUInt16BE(2))
      t.true(packet.length <= relay.info.interface.mtu, `${packet.length} bytes`)
      t.is(verifyChecksums(packet).transport, true)
      const sequence = packet.readUInt32BE(24)
      // The payload begins behind the SYN of the attempt that succeeded, which is the last one.
      if ((packet.readUInt8(33) & 2) !== 0) first = sequence + 1
      const payload = packet.subarray(20 + (packet.readUInt8(32) >> 4) * 4)
      if (payload.length === 0) continue
      payload.copy(found, (sequence - first) >>> 0)
      count += 1
    }
    t.true(found.equals(STREAM), point)
    t.true(count >= STREAM.length / relay.info.interface.mtu, `${count} packets`)
  }
})

test('a descriptor, a filter, limits and a signal', async (t) => {
  if (!hasTools(t, 'ping')) return
  const { relay, host } = await startPair(t)
  const path = temporaryFolder(t)
  const file = await open(join(path, 'fd.pcapng'), 'w')
  const ofFile = await relay.capture({ fd: file.fd, maxPackets: 2, points: ['inside'] })
  await file.close()
  const controller = new AbortController()
  // ICMP echo requests: byte 9 is 1, byte 20 is 8. 24 bytes of each are kept.
  const filter = [
    { code: 0x30, k: 9 },
    { code: 0x15, jf: 3, k: 1 },
    { code: 0x30, k: 20 },
    { code: 0x15, jf: 1, k: 8 },
    { code: 6, k: 24 },
    { code: 6, k: 0 },
  ]
  const text = `${filter.length}\n${filter.map(({ code, jf = 0, k }) => `${code} 0 ${jf} ${k}\n`).join('')}`
  const [listed, written] = [
    await relay.capture({ path: join(path, 'list.pcapng'), filter, signal: controller.signal }),
    await relay.capture({ path: join(path, 'text.pcapng'), filter: text, snapLength: 30 }),
  ]
  await ping(host)
  await ofFile.closed
  t.is(readPcapng(await readFile(join(path, 'fd.pcapng'))).packets.length, 2)
  controller.abort()
  await listed.closed
  await written.close()
  for (const [name, lengths] of [
    ['list', [24, 52]],
    ['text', [24, 30]],
  ] as const) {
    const bytes = await readFile(join(path, `${name}.pcapng`))
    t.deepEqual(pings(bytes), { 'vpn0 out': 3, ...(name === 'list' ? { 'udp out': 3 } : {}) }, name)
    const { packets } = readPcapng(bytes)
    t.deepEqual([...new Set(packets.map(({ data }) => data.length))].sort(), [...lengths])
  }
  t.deepEqual((await readdir(path)).sort(), ['fd.pcapng', 'list.pcapng', 'text.pcapng'])
})

test('wrong options are refused, each with one error, and leave no file', async (t) => {
  const { relay } = await startPair(t)
  const path = temporaryFolder(t)
  const file = join(path, 'never.pcapng')
  const wrong: [options: object, message: RegExp][] = [
    [{ paht: file }, /did you mean path\?/u],
    [{ path: '' }, /Invalid path "": .*a path or a file: URL/u],
    [{ path: new URL('https://example.com/') }, /a path or a file: URL/u],
    [{ path: file, fd: 1 }, /Invalid fd 1: expected none/u],
    [{ fd: -1 }, /Invalid fd/u],
    [{ fd: 1_000_000 }, /descriptor/u],
    [{ maxBytes: 131_072 }, /Invalid maxBytes .*path/u],
    [{ path: file, maxBytes: 1 }, /Invalid maxBytes/u],
    [{ path: file, maxFiles: 2 }, /Invalid maxFiles .*maxBytes/u],
    [{ path: file, maxPackets: 0 }, /Invalid maxPackets/u],
    [{ path: file, points: [] }, /Invalid points/u],
    [{ path: file, points: ['both'] }, /Invalid points/u],
    [{ path: file, snapLength: 0 }, /Invalid snapLength/u],
    [{ path: file, bufferBytes: 1 }, /Invalid bufferBytes/u],
    [{ path: file, filter: 'tcp port 80' }, /tcpdump -y RAW -ddd/u],
    [{ path: file, filter: [] }, /instructions/u],
    [{ path: file, filter: [{ code: 6, K: 1 }] }, /did you mean k\?/u],
    [{ path: file, filter: [{ code: 0 }] }, /last instruction must be a return/u],
    [{ path: file, signal: {} }, /Invalid signal/u],
    [{ path }, /ERR_TUN_EXISTS|exist/iu],
    [{ path: join(path, 'no', 'folder') }, /no such file/iu],
  ]
  for (const [options, message] of wrong) {
    await t.throwsAsync(
      relay.capture(options as never),
      { name: 'TunError', message },
      message.source,
    )
  }
  const reason = new Error('aborted')
  await t.throwsAsync(relay.capture({ signal: AbortSignal.abort(reason) }), { is: reason })
  t.deepEqual(await readdir(path), [])
  const capture = await relay.capture({ path: file })
  t.throws(() => capture.readable(), { message: /path or fd/u })
  await capture.close()
  const full = await relay.capture({ path: '/dev/full' })
  await t.throwsAsync(full.closed, { name: 'TunError', message: /No space left/iu })
})
