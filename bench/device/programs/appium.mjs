/**
 * appium-ios-tuntap: `node appium.mjs PACKAGE INTERFACE`. It has no event for a packet, so its
 * synchronous `read()` is called until it gives nothing, and again in the next turn of the event loop.
 * For each line COUNT on stdin it reads COUNT packets and prints the seconds that this took.
 */
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers'

const [path, name] = process.argv.slice(2)
const { TunTap } = await import(path)
const tun = new TunTap(name)
tun.open()

function take(count, done) {
  let left = count
  const turn = () => {
    for (let n = 0; n < 256 && left > 0; n++) {
      if (tun.read().length === 0) break
      left--
    }
    if (left > 0) setImmediate(turn)
    else done()
  }
  turn()
}

console.log('ready')
createInterface({ input: process.stdin }).on('line', (line) => {
  const began = process.hrtime.bigint()
  take(Number(line), () => console.log(Number(process.hrtime.bigint() - began) / 1e9))
})
