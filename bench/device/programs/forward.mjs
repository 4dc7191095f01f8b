/**
 * This package: `node forward.mjs LEFT RIGHT WAY OFFLOAD` joins the interfaces `bench0` of two network
 * namespaces, which are named by their paths, until it is killed.
 */
import { openTun } from 'tun2udp'

const [left, right, way, offload] = process.argv.slice(2)
const open = (netns, address) =>
  openTun({
    netns,
    name: 'bench0',
    addresses: [address],
    offload: offload === 'auto' ? 'auto' : false,
  })
const [one, two] = [await open(left, '10.8.0.1/24'), await open(right, '10.8.0.2/24')]

const WAYS = {
  /** Packets one by one, written together at the end of the turn of the event loop that brought them. */
  async packet(from, to) {
    let waiting = []
    const flush = () => {
      const batch = waiting
      waiting = []
      to.tryWriteBatch(batch)
    }
    for await (const packet of from) if (waiting.push(packet) === 1) process.nextTick(flush)
  },
  async single(from, to) {
    for await (const packet of from) to.tryWrite(packet)
  },
  async batch(from, to) {
    for await (const batch of from.batches()) await to.writeBatch(batch)
  },
  async packed(from, to) {
    for await (const batch of from.packedBatches({ reuse: true })) await to.writePacked(batch)
  },
}
const run = WAYS[way]
console.log('ready')
await Promise.all([run(one, two), run(two, one)])
