import { setTimeout } from 'node:timers/promises'
import type { Lane } from '../lane/lane.ts'
import { addressOf } from '../lane/testbed.ts'
import { PROBE_METRICS, probe } from './probe.ts'
import type { Limit, Measured, Metric, RunContext, Scenario } from './scenario.ts'
import { THROUGHPUT, transfer } from './tcp.ts'

/** Time of the bulk transfer before and after the measured requests, in seconds. */
const BEFORE = 0.3
const AFTER = 0.2
const PORT = '99'
/** Length of a request and of its response, in bytes. */
const LENGTH = '64'
const MARGIN_MS = 10_000

const BULK: Metric = { ...THROUGHPUT, title: 'bulk' }

/** The measurements next to a bulk transfer. */
interface NextTo {
  values: Readonly<Record<string, number>>
  limitedBy?: Limit
}

/** One TCP stream in the direction of the requests, and requests that wait behind its packets or do not. */
function mixed(
  fixed: Pick<Scenario, 'id' | 'title'>,
  metrics: readonly [Metric, ...Metric[]],
  run: (lane: Lane, context: RunContext, seconds: number) => Promise<NextTo>,
): Scenario {
  return {
    ...fixed,
    metrics: [...metrics, BULK],
    async run(lane, context) {
      const nextTo = async () => {
        await setTimeout(BEFORE * 1000, undefined, { signal: context.signal })
        return run(lane, context, context.seconds - BEFORE - AFTER)
      }
      const [bulk, small] = await Promise.allSettled([transfer(lane, context), nextTo()])
      if (bulk.status === 'rejected') throw bulk.reason
      if (small.status === 'rejected') throw small.reason
      return together(bulk.value, small.value)
    },
  }
}

/** Returns both results as one. The limit of the bulk transfer does not matter to the requests. */
function together(bulk: Measured, { values, limitedBy }: NextTo): Measured {
  const gbps = bulk.values['gbps'] ?? Number.NaN
  return { values: { ...values, gbps }, bytes: bulk.bytes, ...(limitedBy && { limitedBy }) }
}

async function request(
  { left, right }: Lane,
  { tools, signal }: RunContext,
  seconds: number,
): Promise<NextTo> {
  const [near, far] = [addressOf(left, 0), addressOf(right, 0)]
  await using server = await right.namespace.start([tools.request, 'serve', far, PORT, LENGTH])
  await server.says('ready')
  const output = await left.namespace.run(
    [tools.request, 'ask', near, far, PORT, LENGTH, String(seconds)],
    { signal, timeoutMs: seconds * 1000 + MARGIN_MS },
  )
  const { p50, p99 } = JSON.parse(output) as { p50: number; p99: number }
  return { values: { p50, p99 } }
}

/** A bulk transfer next to pings, and next to requests and responses over TCP. */
export const MIXED: readonly Scenario[] = [
  mixed({ id: 'mixed-ping', title: 'ping next to 1 TCP stream' }, PROBE_METRICS, probe),
  mixed(
    { id: 'mixed-request', title: 'request and response next to 1 TCP stream' },
    [
      { key: 'p50', title: 'response p50', unit: 'µs', better: 'less' },
      { key: 'p99', title: 'response p99', unit: 'µs', better: 'less' },
    ],
    request,
  ),
]
