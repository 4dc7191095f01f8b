import { addressOf } from '../lane/lane.ts'
import type { Scenario } from './scenario.ts'

const PORT = '7'
const LENGTH = '64'
const MARGIN_MS = 10_000

/** One datagram there and back at a time, on idle machines. */
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
    const output = await left.namespace.run(
      [tools.pingpong, near, far, PORT, LENGTH, String(seconds)],
      { signal, timeoutMs: seconds * 1000 + MARGIN_MS },
    )
    const { p50, p99, lost } = JSON.parse(output) as Record<'p50' | 'p99' | 'lost', number>
    if (lost > 0) throw new Error(`${lost} datagrams were lost on an idle lane`)
    return { values: { p50, p99 }, bytes: 0 }
  },
}
