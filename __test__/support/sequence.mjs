// `sequence.mjs PACKETS OFFLOAD`, in its own network namespace: a thread sends numbered datagrams into a device and
// receives them again. This thread reads each packet, checks that its number is greater than the last, and writes
// it back with addresses and ports exchanged. At the end it reads the kernel's counters. Prints JSON.
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { openTun } from '../../dist/index.js'

const NEAR = '10.8.0.1'
const BEHIND = '10.8.0.2'
const PAYLOAD_BYTES = 36
/** Bytes of the IPv4 and UDP headers. */
const HEADER_BYTES = 28
/** Datagrams that are sent between two receives. */
const BURST = 64
/** The numbers have 32 bits. */
const NONE = -1

if (isMainThread) await echo(Number(process.argv[2]), process.argv[3])
else await send(workerData)

async function echo(packets, offload) {
  const tun = await openTun({
    addresses: [`${NEAR}/24`],
    txQueueLength: 1000,
    offload: offload === 'auto' ? 'auto' : false,
  })
  const counts = { read: 0, written: 0, disordered: 0 }
  const loop = (async () => {
    let last = NONE
    for await (const batch of tun.batches()) {
      for (const packet of batch) {
        const number = packet.readUInt32BE(HEADER_BYTES)
        if (number <= last) counts.disordered++
        last = number
        turnRound(packet)
      }
      counts.read += batch.length
      await tun.writeBatch(batch)
      counts.written += batch.length
    }
  })()
  const worker = new Worker(new URL(import.meta.url), { workerData: packets })
  const sent = await new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject)
  })
  const device = () => Number(statistic(tun.name, 'tx_dropped'))
  await settled(() => counts.read + device() === sent.sent)
  const dropped = { device: device(), socket: socketDrops() }
  worker.postMessage('end')
  const back = await new Promise((resolve) => {
    worker.once('message', resolve)
  })
  counts.disordered += back.disordered
  await tun.close()
  await loop
  console.log(JSON.stringify({ sent: sent.sent, received: back.received, dropped, ...counts }))
}

function turnRound(packet) {
  const [from, to] = [packet.readUInt32BE(12), packet.readUInt32BE(16)]
  packet.writeUInt32BE(to, 12)
  packet.writeUInt32BE(from, 16)
  const [source, destination] = [packet.readUInt16BE(20), packet.readUInt16BE(22)]
  packet.writeUInt16BE(destination, 20)
  packet.writeUInt16BE(source, 22)
}

async function send(packets) {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 })
  let received = 0
  let disordered = 0
  let last = NONE
  socket.on('message', (message) => {
    const number = message.readUInt32BE(0)
    if (number <= last) disordered++
    last = number
    received++
  })
  await new Promise((resolve) => {
    socket.bind(0, NEAR, resolve)
  })
  socket.connect(9, BEHIND)
  await new Promise((resolve) => {
    socket.once('connect', resolve)
  })
  for (let number = 0; number < packets;) {
    const burst = Math.min(BURST, packets - number)
    const sends = Array.from({ length: burst }, () => {
      const message = Buffer.alloc(PAYLOAD_BYTES)
      message.writeUInt32BE(number++)
      return new Promise((resolve, reject) => {
        socket.send(message, (error) => {
          if (error) reject(error)
          else resolve()
        })
      })
    })
    await Promise.all(sends)
    await new Promise(setImmediate)
  }
  parentPort.postMessage({ sent: packets })
  await new Promise((resolve) => {
    parentPort.once('message', resolve)
  })
  // Datagrams that are in the socket are read first.
  let before = NONE
  while (before !== received) {
    before = received
    await new Promise((resolve) => {
      setTimeout(resolve, 300)
    })
  }
  socket.close()
  parentPort.postMessage({ received, disordered })
  parentPort.close()
}

async function settled(holds) {
  for (let turn = 0; turn < 500 && !holds(); turn++) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}

function statistic(name, counter) {
  return readFileSync(`/sys/class/net/${name}/statistics/${counter}`, 'utf8')
}

/** Returns the number of datagrams that no socket had room for: `RcvbufErrors` of /proc/net/snmp. */
function socketDrops() {
  const [names, values] = readFileSync('/proc/self/net/snmp', 'utf8').match(/^Udp: .*$/gmu)
  return Number(values.split(' ')[names.split(' ').indexOf('RcvbufErrors')])
}
