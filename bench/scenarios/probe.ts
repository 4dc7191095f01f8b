import type { Lane } from '../lane/lane.ts'
import { addressOf } from '../lane/testbed.ts'
import type { Limit, Metric, RunContext } from './scenario.ts'

/** Time between two probes: 1,000 per second. */
const INTERVAL_US = '1000'
const MARGIN_MS = 10_000
/** Part of the probes that may be late until the sender counts as the limit. */
const LATE = 0.01

/** Figures of probes at a fixed rate. */
export const PROBE_METRICS = [
  { key: 'p50', title: 'ping p50', unit: 'µs', better: 'less' },
  { key: 'p99', title: 'ping p99', unit: 'µs', better: 'less' },
  { key: 'lost', title: 'lost', unit: '%', better: 'less' },
] as const satisfies readonly Metric[]

/** The output of the program `probe`. */
interface Output {
  sent: number
  lost: number
  late: number
  p50: number
  p99: number
}

/** The figures of one sender. */
export interface Probed {
  values: { p50: number; p99: number; lost: number }
  limitedBy?: Limit
}

/**
 * Pings the right end 1,000 times per second, whether or not earlier replies have arrived.
 *
 * @param prefix the beginning of the command line, for example `taskset`.
 */
export async function probe(
  { left, right }: Lane,
  { tools, signal }: RunContext,
  seconds: number,
  prefix: readonly string[] = [],
): Promise<Probed> {
  const [near, far] = [addressOf(left, 0), addressOf(right, 0)]
  const command = [...prefix, tools.probe, near, far, String(seconds), INTERVAL_US]
  const timeoutMs = seconds * 1000 + MARGIN_MS
  const output = await left.namespace.run(command, { signal, timeoutMs })
  const { sent, lost, late, p50, p99 } = JSON.parse(output) as Output
  const isLate = late / sent > LATE
  const values = { p50, p99, lost: (lost / sent) * 100 }
  return isLate ? { values, limitedBy: 'sender' } : { values }
}
