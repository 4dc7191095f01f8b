/**
 * Records the packets of a relay, inside and outside the tunnel, to a compressed pcapng file, until Ctrl-C.
 *
 *     npm run build
 *     sudo node examples/record.ts tunnel.pcapng.gz  # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     ping -c 3 10.9.0.2
 *     tshark -r tunnel.pcapng.gz
 */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { startRelay } from 'tun2udp'

const [file = 'tunnel.pcapng.gz'] = process.argv.slice(2)
const relay = await startRelay({ addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 5002 })
const controller = new AbortController()
process.once('SIGINT', () => {
  controller.abort()
})

// Closing the capture, here by the signal, ends its stream with the statistics.
const capture = await relay.capture({ snapLength: 256, signal: controller.signal })
console.log(`recording ${relay.info.interface.name} to ${file}`)
await pipeline(capture.readable(), createGzip(), createWriteStream(file, { mode: 0o600 }))

const { inside, outside } = capture.stats()
for (const [point, { outbound, inbound }] of Object.entries({ inside, outside })) {
  const leftOut = outbound.leftOut + inbound.leftOut
  console.log(`${point}: ${outbound.captured} out, ${inbound.captured} in, ${leftOut} left out`)
}
await relay.close()
