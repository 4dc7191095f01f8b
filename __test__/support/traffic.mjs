// Creates traffic inside a network namespace: `ip netns exec NAME node traffic.mjs COMMAND ARGUMENTS`.
// Prints its readiness and its results on stdout, one JSON object per line.
import { createCipheriv, createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { on, once } from 'node:events'
import { connect, createServer } from 'node:net'

const CHUNK_BYTES = 1 << 20
const [command, ...args] = process.argv.slice(2)

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** Accepts one connection and prints the length and SHA-256 of the received data. */
async function tcpSink(address) {
  const server = createServer({ pauseOnConnect: false })
  server.listen(0, address)
  await once(server, 'listening')
  say({ port: server.address().port })
  const [socket] = await once(server, 'connection')
  server.close()
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of socket) {
    hash.update(chunk)
    bytes += chunk.length
  }
  say({ bytes, sha256: hash.digest('hex') })
}

/** Sends pseudorandom bytes and prints their length and SHA-256. */
async function tcpSource(address, port, length) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const zeroes = Buffer.alloc(CHUNK_BYTES)
  const hash = createHash('sha256')
  const socket = connect(Number(port), address)
  await once(socket, 'connect')
  let left = Number(length)
  while (left > 0) {
    const chunk = cipher.update(zeroes.subarray(0, Math.min(left, CHUNK_BYTES)))
    hash.update(chunk)
    left -= chunk.length
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  socket.end()
  await once(socket, 'close')
  say({ bytes: socket.bytesWritten, sha256: hash.digest('hex') })
}

/** Returns each datagram to its sender. */
async function udpEcho(address) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (data, from) => socket.send(data, from.port, from.address))
  socket.bind(0, address)
  await once(socket, 'listening')
  say({ port: socket.address().port })
}

/** Sends datagrams of every length of `from,to,step` to an echo and prints how many returned unchanged. */
async function udpLengths(address, port, spans) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const random = createCipheriv('aes-128-ctr', Buffer.alloc(16, 9), Buffer.alloc(16))
  let echoed = 0
  for (const span of spans.split(';')) {
    const [from, to, step] = span.split(',').map(Number)
    for (let length = from; length <= to; length += step) {
      const data = random.update(Buffer.alloc(length))
      socket.send(data, Number(port), address)
      const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(5000) }).catch(
        () => {
          throw new Error(`no answer to a datagram of ${length} bytes`)
        },
      )
      if (!data.equals(answer)) throw new Error(`${length} bytes came back changed`)
      echoed++
    }
  }
  socket.close()
  say({ echoed })
}

/** Prints the next datagrams that its own socket receives, as consecutive hexadecimal digits. */
async function udpReceive(address, count = '1') {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  const messages = on(socket, 'message')
  say({ port: socket.address().port })
  let hex = ''
  let left = Number(count)
  for await (const [data] of messages) {
    hex += data.toString('hex')
    if (--left === 0) break
  }
  socket.close()
  say({ hex })
}

const commands = { tcpSink, tcpSource, udpEcho, udpLengths, udpReceive }
await commands[command](...args)
