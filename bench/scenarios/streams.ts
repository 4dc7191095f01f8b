import type { Running } from '../lane/running.ts'
import { Held } from '../lane/held.ts'
import { type Site, addressOf } from '../lane/testbed.ts'
import { fairness } from '../statistics.ts'
import type { Measured, Metric, PairScenario, RunContext, StarScenario } from './scenario.ts'
import { THROUGHPUT } from './tcp.ts'

const PORT = '98'
/** Time that the programs may take besides that of the traffic. */
const MARGIN_MS = 40_000
/** Share of a CPU from which a program, which is one thread, counts as the bottleneck. */
const SATURATED = 0.95

const FAIRNESS: Metric = { key: 'fairness', title: 'fairness', unit: 'Jain', better: 'more' }

/** The output of a receiving program `streams`. */
export interface Received {
  readonly seconds: number
  /** Share of a CPU that the program used. */
  readonly cpu: number
  readonly streams: number
  /** Sum over the streams, in bytes, and the sum of their squares. */
  readonly bytes: number
  readonly squares: number
}

/** Senders and receivers, and the streams between them. */
interface Flows {
  readonly senders: readonly Site[]
  readonly receivers: readonly Site[]
  /** Streams of each sender, to the receivers in turn. */
  readonly streams: number
}

/** Moves data over TCP streams, with one program at each end. */
async function moveAll(
  { senders, receivers, streams }: Flows,
  { tools, seconds, congestion, signal }: RunContext,
): Promise<Measured> {
  const timeoutMs = seconds * 1000 + MARGIN_MS
  const expected = String((streams * senders.length) / receivers.length)
  await using held = new Held()
  const servers: Running[] = []
  for (const end of receivers) {
    const options = [addressOf(end, 0), PORT, expected, String(seconds)]
    const server = await end.namespace.start([tools.streams, 'receive', ...options])
    servers.push(held.use(server))
    await server.says('ready')
  }
  const far = receivers.map((end) => addressOf(end, 0)).join(',')
  const sent = senders.map(async (end) => {
    const options = [addressOf(end, 0), far, PORT, String(streams), congestion]
    const command = [tools.streams, 'send', ...options]
    const output = await end.namespace.run(command, { signal, timeoutMs })
    return (JSON.parse(output) as { cpu: number }).cpu
  })
  const [cpus, received] = await Promise.all([
    Promise.all(sent),
    Promise.all(servers.map((server) => resultOf(server, timeoutMs))),
  ])
  return measured(received, Math.max(...cpus))
}

async function resultOf(server: Running, timeoutMs: number): Promise<Received> {
  const output = await server.result(timeoutMs)
  return JSON.parse(output.slice(output.indexOf('{'))) as Received
}

/** Adds up the receivers. The fairness is that of all streams. */
export function measured(received: readonly Received[], senderCpu: number): Measured {
  const total = (of: (one: Received) => number) => received.reduce((sum, one) => sum + of(one), 0)
  const bytes = total((one) => one.bytes)
  const shares = {
    count: total(({ streams }) => streams),
    sum: bytes,
    squares: total((one) => one.squares),
  }
  const gbps = total((one) => (one.bytes * 8) / one.seconds / 1e9)
  const values = { gbps, fairness: fairness(shares) ?? Number.NaN }
  const receiverCpu = Math.max(...received.map(({ cpu }) => cpu))
  if (Math.max(senderCpu, receiverCpu) < SATURATED) return { values, bytes }
  return { values, bytes, limitedBy: senderCpu > receiverCpu ? 'sender' : 'receiver' }
}

function flows(streams: number, title: string): PairScenario {
  return {
    id: `flows${streams}`,
    title,
    metrics: streams === 1 ? [THROUGHPUT] : [THROUGHPUT, FAIRNESS],
    run: ({ left, right }, context) =>
      moveAll({ senders: [left], receivers: [right], streams }, context),
  }
}

/** One stream and 1,024 streams of the same program. */
export const FLOWS: readonly PairScenario[] = [
  flows(1, 'TCP, 1 flow'),
  flows(1024, 'TCP, 1,024 flows'),
]

/** One stream between the hub and each spoke at the same time. */
export const HUB: readonly StarScenario[] = [
  {
    id: 'hub8-out',
    title: 'TCP, hub to 8 spokes',
    shape: 'star',
    metrics: [THROUGHPUT, FAIRNESS],
    run: ({ hub, spokes }, context) =>
      moveAll({ senders: [hub], receivers: spokes, streams: spokes.length }, context),
  },
  {
    id: 'hub8-in',
    title: 'TCP, 8 spokes to hub',
    shape: 'star',
    metrics: [THROUGHPUT, FAIRNESS],
    run: ({ hub, spokes }, context) =>
      moveAll({ senders: spokes, receivers: [hub], streams: 1 }, context),
  },
]
