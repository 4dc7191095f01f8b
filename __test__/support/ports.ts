import { type Socket, type SocketType, createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Returns a free UDP port, which the kernel chose, in the namespace of the sockets that `open` creates. */
export async function freeUdpPort(
  address = '127.0.0.1',
  open: (type: SocketType) => Socket = createSocket,
): Promise<number> {
  const socket = open(address.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}
