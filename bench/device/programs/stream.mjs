/**
 * Node alone, as npm packages for TUN devices read: a stream of `fs` over the descriptor 3 of an
 * interface. For each line COUNT on stdin it takes so many packets and prints the seconds that it took.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const TUN = 3
/** Bytes of one read, above the interface's MTU. */
const READ_BYTES = 2048
let wanted = 0
let began

const stream = createReadStream('', { fd: TUN, highWaterMark: READ_BYTES })
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
