import { addressOf } from '../lane/testbed.ts'
import { median } from '../statistics.ts'
import type { Scenario } from './scenario.ts'

const PORT = '7'
const LENGTH = '64'
const MARGIN_MS = 10_000
/** Senders of a run, one after another: a process mostly stays on the CPU that it was started on. */
const SENDERS = 8

/** The output of a sender. */
interface Trips {
  p50: number
  p99: number
  lost: number
}

/** One datagram there and back at a time, on idle machines. The median of the senders counts. */
export const rtt: Scenario = {
  id: 'rtt',
  title: 'round trip, UDP 64 B',
  metrics: [
    { key: 'p50', title: 'RTT p50', unit: 'µs', better: 'less' },
    { key: 'p99', title: 'RTT p99', unit: 'µs', better: 'less' },
  ],
  async run({ left, right }, { tools, seconds, signal }) {
    const [near, far] = [addressOf(left, 0), addressOf(right, 0)]
    await using echo = await right.namespace.start([tools.echo, far, PORT])
    await echo.says('ready')
    const trips: Trips[] = []
    for (let sender = 0; sender < SENDERS; sender++) {
      const output = await left.namespace.run(
        [tools.pingpong, near, far, PORT, LENGTH, String(seconds / SENDERS)],
        { signal, timeoutMs: seconds * 1000 + MARGIN_MS },
      )
      const trip = JSON.parse(output) as Trips
      if (trip.lost > 0) throw new Error(`${trip.lost} datagrams were lost on an idle lane`)
      trips.push(trip)
    }
    const middle = (key: 'p50' | 'p99') => median(trips.map((trip) => trip[key])) ?? Number.NaN
    return { values: { p50: middle('p50'), p99: middle('p99') }, bytes: 0 }
  },
}
