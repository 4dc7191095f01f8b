/** The process of a host: creates the traffic that its parent requests. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Answer, Request } from './host.ts'

const CHUNK = Buffer.alloc(256 * 1024)
let received = 0

async function listen(address: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      received += data.length
    })
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, address)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function send(address: string, port: number, seconds: number): Promise<number> {
  const socket = connect(port, address)
  await once(socket, 'connect')
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    if (!socket.write(CHUNK)) await once(socket, 'drain')
  }
  socket.end()
  await once(socket, 'close')
  return socket.bytesWritten
}

async function echo(address: string): Promise<number> {
  const socket = createSocket('udp4')
  socket.on('message', (data, from) => {
    socket.send(data, from.port, from.address)
  })
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket.address().port
}

async function ping(address: string, port: number, count: number): Promise<number> {
  const socket = createSocket('udp4')
  const times: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const began = performance.now()
    socket.send('ping', port, address)
    await once(socket, 'message', { signal: AbortSignal.timeout(2000) })
    times.push((performance.now() - began) * 1000)
  }
  socket.close()
  times.sort((a, b) => a - b)
  return times[count >> 1] ?? 0
}

function answer(request: Request): Promise<number> {
  switch (request.name) {
    case 'listen':
      return listen(request.details.address)
    case 'received':
      return Promise.resolve(received)
    case 'send':
      return send(request.details.address, request.details.port, request.details.seconds)
    case 'echo':
      return echo(request.details.address)
    case 'ping':
      return ping(request.details.address, request.details.port, request.details.count)
  }
}

function say(message: Answer): void {
  process.send?.(message)
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => {
      say({ id: request.id, value })
    },
    (error: unknown) => {
      say({ id: request.id, error: error instanceof Error ? error.message : String(error) })
    },
  )
})
process.on('disconnect', () => process.exit(0))
say({ id: -1 })
