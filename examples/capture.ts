/**
 * Writes the packets that are sent into an interface to a file in the format pcapng, by Web streams, until Ctrl-C.
 *
 *     npm run build
 *     sudo node examples/capture.ts packets.pcapng   # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     ping -c 3 10.80.4.2
 *     tshark -r packets.pcapng
 */
import { createWriteStream } from 'node:fs'
import { Writable } from 'node:stream'
import { openTun } from 'tun2udp'

/** Packets that begin with the header of IPv4 or IPv6: https://www.tcpdump.org/linktypes.html */
const LINKTYPE_RAW = 101

/** A block of pcapng (draft-ietf-opsawg-pcapng): its type, its length, its body to a multiple of four, its length. */
function block(type: number, ...body: Uint8Array[]): Uint8Array {
  const bodyBytes = body.reduce((sum, { length }) => sum + length, 0)
  const total = 12 + Math.ceil(bodyBytes / 4) * 4
  const bytes = Buffer.concat([numbers(type, total), ...body], total)
  bytes.writeUInt32LE(total, total - 4)
  return bytes
}

/** 32-bit numbers, little-endian. */
function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [n, value] of values.entries()) bytes.writeUInt32LE(value, n * 4)
  return bytes
}

/** Transforms packets into a pcapng file. */
class PcapngStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(linkType: number) {
    super({
      start(controller) {
        // Byte-order magic, version 1.0, a section of unknown length; an interface of that type, without a limit.
        controller.enqueue(block(0x0a0d0d0a, numbers(0x1a2b3c4d, 1, 0xffffffff, 0xffffffff)))
        controller.enqueue(block(1, numbers(linkType, 0)))
      },
      transform(packet, controller) {
        const { length } = packet
        const time = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000))
        const [high, low] = [Number(time >> 32n), Number(time & 0xffffffffn)]
        controller.enqueue(block(6, numbers(0, high, low, length, length), packet))
      },
    })
  }
}

const [file = 'packets.pcapng'] = process.argv.slice(2)
const tun = await openTun({ addresses: ['10.80.4.1/24', 'fd80:4::1/64'] })
console.log(`${tun.name}: packets for 10.80.4.0/24 and fd80:4::/64 go to ${file}`)
// The stream ends with the device, and the file with the stream.
process.once('SIGINT', () => void tun.close())
const output: WritableStream<Uint8Array> = Writable.toWeb(createWriteStream(file))
await tun.readable.pipeThrough(new PcapngStream(LINKTYPE_RAW)).pipeTo(output)
