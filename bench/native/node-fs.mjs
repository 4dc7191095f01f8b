/**
 * A forwarder that uses only Node: `fs` on descriptor 3, which is a TUN interface, and `dgram`.
 *
 * `node node-fs.mjs PORT PEER_PORT`, both on 127.0.0.1.
 */
import { createSocket } from 'node:dgram'
import { read, write } from 'node:fs'
import { setTimeout } from 'node:timers'

const TUN = 3
/** The length of the longest IP packet. */
const MAX_PACKET = 65_535
const [port, peerPort] = process.argv.slice(2).map(Number)

const socket = createSocket('udp4')
socket.bind(port, '127.0.0.1', () => {
  socket.connect(peerPort, '127.0.0.1', readNext)
})
// The peer refuses datagrams until it has started.
socket.on('error', () => undefined)
// An interface that is not up yet accepts nothing.
socket.on('message', (packet) => {
  write(TUN, packet, () => undefined)
})

function readNext() {
  const packet = Buffer.allocUnsafe(MAX_PACKET)
  read(TUN, packet, 0, MAX_PACKET, null, (error, length) => {
    // The interface is down while it is moved, so there is nothing to read.
    if (error) setTimeout(readNext, 1)
    else socket.send(packet, 0, length, readNext)
  })
}
