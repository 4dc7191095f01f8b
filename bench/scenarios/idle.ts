import { setTimeout } from 'node:timers/promises'
import { usageOf } from '../lane/usage.ts'
import type { Scenario } from './scenario.ts'

/** No traffic at all: what the forwarders use when there is nothing to do. */
export const idle: Scenario = {
  id: 'idle',
  title: 'idle',
  metrics: [{ key: 'cpu', title: 'CPU', unit: 'ms/s', better: 'less' }],
  async run({ forwarders }, { seconds, signal }) {
    const pids = forwarders.map(({ pid }) => pid)
    const before = usageOf(pids).cpuSeconds
    await setTimeout(seconds * 1000, undefined, { signal })
    const used = usageOf(pids).cpuSeconds - before
    return { values: { cpu: (used / seconds) * 1000 }, bytes: 0 }
  },
}
