import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import type { RelayPeer, TestHost } from '../../../index.ts'

/** Offsets and lengths of the fields of an IPv4 packet with a UDP datagram. */
const SOURCE = 12
const DESTINATION = 16
const SOURCE_PORT = 20
const PAYLOAD = 28

/** Datagrams of a spoke. */
export interface SpokeCounts {
  sent: number
  received: number
  keepalives: number
}

/**
 * A peer of the hub without a relay: a socket that returns each packet to its sender. Its address outside is its own,
 * the port changes with {@link Spoke.move}.
 */
export class Spoke {
  readonly number: number
  readonly counts: SpokeCounts = { sent: 0, received: 0, keepalives: 0 }
  /** Packets for another spoke. */
  misrouted = 0
  readonly #host: TestHost
  readonly #hubPort: number
  #socket: Socket | undefined

  constructor(host: TestHost, number: number, hubPort: number) {
    this.#host = host
    this.number = number
    this.#hubPort = hubPort
  }

  /** Its two inner networks. */
  get networks(): [string, string] {
    return [`10.9.1.${this.number}/32`, `10.20.${this.number}.0/24`]
  }

  /** Returns one of the addresses in its networks. */
  address(isSecond: boolean): string {
    return isSecond ? `10.20.${this.number}.7` : `10.9.1.${this.number}`
  }

  /** Opens a socket with another port, and closes the one before. */
  async move(): Promise<void> {
    const before = this.#socket
    const socket = this.#host.createSocket('udp4')
    socket.on('message', (packet) => {
      this.#receive(packet)
    })
    socket.bind(0, `127.0.1.${this.number}`)
    await once(socket, 'listening')
    this.#socket = socket
    before?.close()
  }

  /** Returns its configuration at the hub. */
  peer(networks: readonly string[] = this.networks): RelayPeer {
    return {
      name: `spoke ${this.number}`,
      endpoint: { address: `127.0.1.${this.number}`, port: this.#open.address().port },
      allowedPrefixes: networks,
      followPort: this.number % 2 === 0,
      keepaliveSeconds: this.number % 3 === 0 ? 1 : 0,
    }
  }

  /** Sends a packet that the hub has not asked for. */
  sendUnasked(packet: Buffer): void {
    this.#send(packet)
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  get #open(): Socket {
    if (!this.#socket) throw new Error('the spoke is closed')
    return this.#socket
  }

  #receive(packet: Buffer): void {
    if (packet.readUInt8(0) >> 4 === 6) {
      this.counts.keepalives++
      return
    }
    this.counts.received++
    const to = packet.subarray(DESTINATION, DESTINATION + 4).join('.')
    if (to !== this.address(false) && to !== this.address(true)) this.misrouted++
    this.#send(swapped(packet))
  }

  #send(packet: Buffer): void {
    this.#socket?.send(packet, this.#hubPort, '127.0.0.1', (error) => {
      if (!error) this.counts.sent++
    })
  }
}

/** Returns a packet whose source and destination are exchanged. The checksums stay the same. */
function swapped(packet: Buffer): Buffer {
  const reply = Buffer.from(packet)
  packet.copy(reply, SOURCE, DESTINATION, DESTINATION + 4)
  packet.copy(reply, DESTINATION, SOURCE, SOURCE + 4)
  packet.copy(reply, SOURCE_PORT, SOURCE_PORT + 2, SOURCE_PORT + 4)
  packet.copy(reply, SOURCE_PORT + 2, SOURCE_PORT, SOURCE_PORT + 2)
  return reply
}

/** The length of the headers of a packet. */
export const HEADER_BYTES = PAYLOAD
