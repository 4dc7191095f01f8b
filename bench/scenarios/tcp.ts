import type { Lane } from '../lane/lane.ts'
import { addressOf } from '../lane/testbed.ts'
import type { Namespace } from '../lane/namespace.ts'
import type { Limit, Measured, Metric, RunContext, Scenario } from './scenario.ts'

/** Time that iperf3 may take besides that of the traffic. */
const MARGIN_MS = 15_000

export const THROUGHPUT: Metric = {
  key: 'gbps',
  title: 'throughput',
  unit: 'Gbit/s',
  better: 'more',
}

/** One side's sum in iperf3's JSON. */
interface Sum {
  bytes: number
  bits_per_second: number
}

/** CPU time of the sending and of the receiving iperf3, each one thread, per cent of its life. */
interface Utilization {
  host_total: number
  remote_total: number
}

interface Report {
  error?: string
  end: {
    sum_received: Sum
    sum_received_bidir_reverse?: Sum
    cpu_utilization_percent?: Utilization
  }
}

/** CPU time of a thread, per cent, from which it counts as the bottleneck. */
const SATURATED = 95

/** Returns which end of iperf3 used a whole CPU, if one did. */
export function limitOf(utilization: Utilization | undefined): Limit | undefined {
  if (!utilization) return undefined
  const { host_total: sender, remote_total: receiver } = utilization
  if (Math.max(sender, receiver) < SATURATED) return undefined
  return sender > receiver ? 'sender' : 'receiver'
}

function tcp(id: string, title: string, options: readonly string[], family: 0 | 1 = 0): Scenario {
  return {
    id,
    title,
    metrics: [THROUGHPUT],
    run: (lane, context) => transfer(lane, context, { options, family }),
  }
}

/** A transfer; by default one stream over IPv4 from the left end. */
interface Transfer {
  /** Further options of the sending iperf3. */
  options?: readonly string[]
  family?: 0 | 1
  /** Where the sender is. */
  from?: Namespace
}

/** Runs iperf3 to the right end; what was received counts. */
export async function transfer(
  { left, right }: Lane,
  { seconds, congestion, signal }: RunContext,
  { options = [], family = 0, from = left.namespace }: Transfer = {},
): Promise<Measured> {
  const far = addressOf(right, family)
  await using server = await right.namespace.start([
    'iperf3',
    '-s',
    '-1',
    '-B',
    far,
    '--forceflush',
  ])
  await server.says('Server listening')
  const command = ['iperf3', '-c', far, '-t', String(seconds), '-J', '-C', congestion, ...options]
  const timeoutMs = seconds * 1000 + MARGIN_MS
  const report = JSON.parse(await from.run(command, { signal, timeoutMs })) as Report
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`)
  const sums = [report.end.sum_received, report.end.sum_received_bidir_reverse]
  const total = (key: keyof Sum) => sums.reduce((sum, part) => sum + (part?.[key] ?? 0), 0)
  const limitedBy = limitOf(report.end.cpu_utilization_percent)
  const values = { gbps: total('bits_per_second') / 1e9 }
  return { values, bytes: total('bytes'), ...(limitedBy && { limitedBy }) }
}

/** Bulk transfers by iperf3 from left to right; what counts is what was received. */
export const TCP: readonly Scenario[] = [
  tcp('tcp1', 'TCP, 1 stream', []),
  tcp('tcp4', 'TCP, 4 streams', ['-P', '4']),
  tcp('tcp64', 'TCP, 64 streams', ['-P', '64']),
  tcp('bidir', 'TCP, both ways', ['--bidir']),
  tcp('tcp1-v6', 'TCP over IPv6, 1 stream', [], 1),
]
