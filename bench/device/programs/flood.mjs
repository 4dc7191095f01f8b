/**
 * This package under a flood: `node flood.mjs` makes the interface `bench0` and reads packet by packet.
 * For each line SECONDS on stdin it prints, after these seconds, its observations as JSON.
 */
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { clearInterval, setInterval, setTimeout } from 'node:timers'
import { openTun } from 'tun2udp'

/** Milliseconds between the ticks of the timer that is to run on time. */
const INTERVAL_MS = 10
const tun = await openTun({ name: 'bench0', addresses: ['10.8.0.1/24'] })
let packets = 0
let ticks = 0

setInterval(() => ticks++, INTERVAL_MS)
console.log('ready')
createInterface({ input: process.stdin }).on('line', (line) => {
  const before = { packets, ticks, began: performance.now() }
  const rss = []
  const sampling = setInterval(() => rss.push(process.memoryUsage.rss()), 1000)
  setTimeout(
    () => {
      clearInterval(sampling)
      const milliseconds = performance.now() - before.began
      console.log(
        JSON.stringify({
          packets: packets - before.packets,
          tickShare: ((ticks - before.ticks) * INTERVAL_MS) / milliseconds,
          rss,
        }),
      )
    },
    Number(line) * 1000,
  )
})
for await (const packet of tun) if (packet.length > 0) packets++
