// Exchanges mixed traffic with the other end of a tunnel until its input ends: `node host.mjs OWN PEER...`, one pair
// of addresses per family. Serves TCP and UDP on its own addresses and is a client of the peer's. Compares all
// received data byte by byte. Prints "ready", and the result at the end, as JSON lines.
import { createCipheriv } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const TCP_PORT = 7001
const UDP_PORT = 7002
/** The repeated pattern; its length is a prime, so that a lost or duplicated segment is detected. */
const PATTERN = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16)).update(
  Buffer.alloc(65_521),
)
/** Bytes between pauses, and the length of a pause: long enough for super-packets, without using the whole CPU. */
const BURST_BYTES = 1 << 20
const BURST_PAUSE_MS = 25
/** A connection without data for this time is closed and opened again. */
const STALLED_MS = 4000
/** Lengths of the datagrams of one burst: short, of the MTU, and fragmented. */
const DATAGRAMS = [...Array(20).fill(64), ...Array(10).fill(1400), 4000]
const DATAGRAM_PAUSE_MS = 20

let isOver = false
const pairs = []
for (let index = 2; index < process.argv.length; index += 2) {
  pairs.push({ own: process.argv[index], peer: process.argv[index + 1] })
}
const families = Object.fromEntries(
  pairs.map(({ own }) => [
    own,
    { tcpSent: 0, tcpReceived: 0, connections: 0, udpSent: 0, udpEchoed: 0, corrupted: 0 },
  ]),
)
const sockets = new Set()

/** Compares data at an offset of the stream with the pattern. */
function isPattern(data, offset) {
  for (let at = 0; at < data.length;) {
    const start = (offset + at) % PATTERN.length
    const length = Math.min(data.length - at, PATTERN.length - start)
    if (PATTERN.compare(data, at, at + length, start, start + length) !== 0) return false
    at += length
  }
  return true
}

async function serveTcp(own, counts) {
  const server = createServer((socket) => {
    let offset = 0
    sockets.add(socket)
    socket.on('data', (data) => {
      if (!isPattern(data, offset)) counts.corrupted++
      offset += data.length
      counts.tcpReceived += data.length
    })
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(TCP_PORT, own)
  await once(server, 'listening')
  return server
}

/** Sends the pattern until the end, over a new connection whenever one breaks. */
async function sendTcp({ own, peer }, counts) {
  while (!isOver) {
    const socket = connect({ port: TCP_PORT, host: peer, localAddress: own })
    sockets.add(socket)
    socket.setTimeout(STALLED_MS, () => socket.destroy())
    socket.on('error', () => undefined)
    // once() would reject because of the error that precedes the event.
    const closed = new Promise((resolve) => socket.once('close', () => resolve(true)))
    let isClosed = await Promise.race([
      closed,
      once(socket, 'connect').then(
        () => false,
        () => true,
      ),
    ])
    if (!isClosed) counts.connections++
    let burst = 0
    while (!isOver && !isClosed) {
      counts.tcpSent += PATTERN.length
      burst += PATTERN.length
      if (!socket.write(PATTERN)) isClosed = await Promise.race([closed, drained(socket)])
      if (burst < BURST_BYTES) continue
      burst = 0
      await sleep(BURST_PAUSE_MS)
    }
    socket.destroy()
    sockets.delete(socket)
    if (!isOver) await sleep(50)
  }
}

const drained = (socket) =>
  once(socket, 'drain').then(
    () => false,
    () => true,
  )

/** A datagram that can be verified: its number, its length, and the pattern from that offset on. */
function datagram(number, length) {
  const data = Buffer.alloc(length)
  data.writeUInt32BE(number, 0)
  data.writeUInt16BE(length, 4)
  PATTERN.copy(data, 6, number % 50_000, (number % 50_000) + length - 6)
  return data
}

async function bindUdp(own, port) {
  const socket = createSocket({ type: own.includes(':') ? 'udp6' : 'udp4' })
  socket.on('error', () => undefined)
  socket.bind(port, own)
  await once(socket, 'listening')
  return socket
}

async function serveUdp(own) {
  const socket = await bindUdp(own, UDP_PORT)
  socket.on('message', (data, from) => socket.send(data, from.port, from.address, () => undefined))
  return socket
}

async function sendUdp({ own, peer }, counts) {
  const socket = await bindUdp(own, 0)
  socket.on('message', (data) => {
    counts.udpEchoed++
    const isWhole =
      data.length >= 6 && data.equals(datagram(data.readUInt32BE(0), data.readUInt16BE(4)))
    if (!isWhole) counts.corrupted++
  })
  for (let number = 0; !isOver;) {
    for (const length of DATAGRAMS) {
      socket.send(datagram(number++, length), UDP_PORT, peer, () => undefined)
      counts.udpSent++
    }
    await sleep(DATAGRAM_PAUSE_MS)
  }
  // Datagrams in flight may still return.
  await sleep(500)
  socket.close()
}

const servers = []
const clients = []
for (const pair of pairs) {
  const counts = families[pair.own]
  servers.push(await serveTcp(pair.own, counts), await serveUdp(pair.own))
  clients.push(
    () => sendTcp(pair, counts),
    () => sendUdp(pair, counts),
  )
}
process.stdout.write('"ready"\n')
const working = clients.map((client) => client())
process.stdin.resume()
await once(process.stdin, 'end')
isOver = true
for (const socket of sockets) socket.destroy()
await Promise.all(working)
process.stdout.write(`${JSON.stringify(families)}\n`)
for (const server of servers) server.close()
for (const socket of sockets) socket.destroy()
process.exit(0)
