import { median } from '../statistics.ts'
import { onOneCpu } from '../lane/affinity.ts'
import { PROBE_METRICS, type Probed, probe } from './probe.ts'
import type { Measured, Scenario } from './scenario.ts'

/** Senders of a run, one after another: a process mostly stays on the CPU that it was started on. */
const SENDERS = 4

/** 1,000 pings per second on idle machines. The median of the senders counts. */
const sparse: Scenario = {
  id: 'sparse',
  title: 'ping, 1,000 per second',
  metrics: PROBE_METRICS,
  async run(lane, context) {
    const probes: Probed[] = []
    for (let sender = 0; sender < SENDERS; sender++)
      probes.push(await probe(lane, context, context.seconds / SENDERS))
    return measured(probes)
  },
}

/** The same with all processes on one CPU, which the kernel need not wake by an interrupt. */
const sparseOnOneCpu: Scenario = {
  id: 'sparse-cpu0',
  title: 'ping, 1,000 per second, one CPU',
  metrics: PROBE_METRICS,
  async run(lane, context) {
    const pids = lane.forwarders.map(({ pid }) => pid)
    return onOneCpu(pids, async (prefix) =>
      measured([await probe(lane, context, context.seconds, prefix)]),
    )
  },
}

function measured(probes: readonly Probed[]): Measured {
  const middle = (key: 'p50' | 'p99' | 'lost') =>
    median(probes.map(({ values }) => values[key])) ?? Number.NaN
  const values = { p50: middle('p50'), p99: middle('p99'), lost: middle('lost') }
  const limited = probes.find(({ limitedBy }) => limitedBy !== undefined)
  return { values, bytes: 0, ...(limited?.limitedBy && { limitedBy: limited.limitedBy }) }
}

export const SPARSE: readonly Scenario[] = [sparse, sparseOnOneCpu]
