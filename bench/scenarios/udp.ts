import { addressOf } from '../lane/testbed.ts'
import type { Metric, Scenario } from './scenario.ts'

const PORT = '9'
const MARGIN_MS = 10_000

/** Part of the sent datagrams from which on the sender is the bottleneck. */
const COMPLETE = 0.99

const DELIVERED: Metric = { key: 'kpps', title: 'delivered', unit: 'kpackets/s', better: 'more' }

/**
 * Datagrams sent as fast as the sender can, far beyond what any tunnel carries: what counts is how many
 * the far end's stack got with a right checksum.
 */
function udp(id: string, length: number): Scenario {
  return {
    id,
    title: `UDP, ${length} B`,
    metrics: [DELIVERED],
    async run({ left, right }, { tools, seconds, signal }) {
      const [near, far] = [addressOf(left, 0), addressOf(right, 0)]
      await using sink = await right.namespace.start([tools.sink, far, PORT])
      await sink.says('ready')
      const before = right.namespace.deliveredDatagrams()
      const output = await left.namespace.run(
        [tools.blast, near, far, PORT, String(length), String(seconds)],
        { signal, timeoutMs: seconds * 1000 + MARGIN_MS },
      )
      const delivered = right.namespace.deliveredDatagrams() - before
      const sent = JSON.parse(output) as { sent: number; seconds: number }
      const values = { kpps: delivered / sent.seconds / 1000 }
      const isLimit = delivered >= sent.sent * COMPLETE
      return { values, bytes: delivered * length, ...(isLimit && { limitedBy: 'sender' }) }
    },
  }
}

export const UDP: readonly Scenario[] = [udp('udp64', 64), udp('udp1400', 1400)]
