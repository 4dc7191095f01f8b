/**
 * The counters of a relay in a registry of prom-client, next to other metrics of the program.
 *
 *     npm install prom-client
 *     npm run build
 *     sudo node examples/prom-client.ts  # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *     curl http://127.0.0.1:9464/metrics
 *
 * `formatMetrics(relay)` returns the same metrics without prom-client.
 */
import { createServer } from 'node:http'
import { Counter, Registry } from 'prom-client'
import { COUNTERS, startRelay } from 'tun2udp'

const relay = await startRelay({ addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 5002 })
const registry = new Registry()
let stats = relay.stats()

const snake = (name: string) => name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)
const valuesOf = (counters: object) => ({ ...counters }) as Readonly<Record<string, number>>

for (const { direction, name, help } of COUNTERS.filter(({ isDrop }) => !isDrop)) {
  new Counter({
    name: `tunnel_${direction}_${snake(name)}_total`,
    help,
    registers: [registry],
    collect() {
      // A counter of prom-client only increases; the relay has the sum already.
      this.reset()
      this.inc(valuesOf(stats[direction])[name])
    },
  })
}
for (const direction of ['outbound', 'inbound'] as const) {
  new Counter({
    name: `tunnel_${direction}_dropped_packets_total`,
    help: 'Packets dropped, by cause.',
    labelNames: ['cause'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [cause, count] of Object.entries(valuesOf(stats[direction].dropped)))
        this.inc({ cause: snake(cause) }, count)
    },
  })
}

const server = createServer((_, response) => {
  // One snapshot for all metrics of the reply.
  stats = relay.stats()
  void registry.metrics().then((text) => {
    response.writeHead(200, { 'Content-Type': registry.contentType }).end(text)
  })
}).listen(9464, '127.0.0.1', () => {
  console.log('the metrics are at http://127.0.0.1:9464/metrics')
})

process.once('SIGTERM', () => void relay.close())
await relay.closed
server.close()
