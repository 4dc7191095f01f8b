/**
 * Node alone, as npm packages for TUN devices read: a stream of `fs` over the descriptor 3 of an
 * interface. They leave the size of a read to Node, 64 KiB; BYTES is another. For each line COUNT on
 * stdin it reads COUNT packets and prints the seconds that this took.
 *
 *     node stream.mjs [BYTES]
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const TUN = 3
const [, , bytes] = process.argv
let wanted = 0
let began

const stream = createReadStream('', { fd: TUN, ...(bytes && { highWaterMark: Number(bytes) }) })
stream.pause()
stream.on('data', () => {
  if (--wanted > 0) return
  stream.pause()
  console.log(Number(process.hrtime.bigint() - began) / 1e9)
})
console.log('ready')
createInterface({ input: process.stdin }).on('line', (line) => {
  wanted = Number(line)
  began = process.hrtime.bigint()
  stream.resume()
})
