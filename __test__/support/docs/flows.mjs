// Traffic between two machines of a page: `node flows.mjs COMMAND ARGUMENTS`.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const [command, ...args] = process.argv.slice(2)

/** Returns every UDP datagram and all TCP data to the sender. */
async function echo(address, port) {
  const socket = createSocket('udp4')
  socket.on('message', (data, from) => socket.send(data, from.port, from.address))
  socket.bind(Number(port), address)
  await once(socket, 'listening')
  const server = createServer((connection) => {
    connection.on('error', () => undefined).pipe(connection)
  })
  server.listen(Number(port), address)
  await once(server, 'listening')
  console.log('ready')
}

/** Sends one datagram from each of several sockets, again until its echo arrives, and prints their number. */
async function udp(local, address, port, count) {
  const flow = async () => {
    const socket = createSocket('udp4')
    socket.bind(0, local)
    await once(socket, 'listening')
    const echoed = once(socket, 'message').then(() => true)
    do socket.send('flow', Number(port), address, () => undefined)
    while (!(await Promise.race([echoed, sleep(1_000, false)])))
    socket.close()
  }
  await Promise.all(Array.from({ length: Number(count) }, flow))
  console.log(count)
}

/** Opens TCP connections, sends a line on each, and prints one line once all echoes are there, and so on. */
async function tcp(local, address, port, count) {
  const sockets = Array.from({ length: Number(count) }, () =>
    connect({ localAddress: local, host: address, port: Number(port) }),
  )
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  for (let round = 1; ; round++) {
    const line = `ready ${round}\n`
    const turn = async (socket) => {
      socket.write(line)
      for (let text = ''; text !== line;) text += String((await once(socket, 'data'))[0])
    }
    await Promise.all(sockets.map(turn))
    process.stdout.write(line)
    await sleep(100)
  }
}

await { echo, udp, tcp }[command](...args)
