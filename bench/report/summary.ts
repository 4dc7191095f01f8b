import type { PeerKind } from '../peers/peer.ts'
import type { PeerResult, Results, Sample, ScenarioResult } from '../results.ts'
import type { Limit, Metric } from '../scenarios/scenario.ts'
import { median, ratio, spread } from '../statistics.ts'

/** The peers that ratios are taken to. */
const PLAIN = 'plain'
const VXLAN = 'vxlan'

/** A peer's medians in one scenario at one MTU. */
export interface Row {
  readonly peer: PeerResult
  /** Median by the metric's key. */
  readonly values: Readonly<Record<string, number>>
  /** Of the first metric: half the range of its rounds, as a part of the median. */
  readonly spread: number | undefined
  /** The first metric's, to the plain loop, */
  readonly toPlain: number | undefined
  /** to the kernel's VXLAN, */
  readonly toVxlan: number | undefined
  /** to the best of the other forwarders in user space, */
  readonly toBest: number | undefined
  /** and to the best composite. */
  readonly toComposite: number | undefined
  /** CPU seconds of both forwarders for each 10^9 bytes of payload. */
  readonly cpuPerGb: number | undefined
  readonly cpuToPlain: number | undefined
  /** CPU seconds of the whole machine for each 10^9 bytes of payload. */
  readonly machineCpuPerGb: number | undefined
  /** Of both forwarders, in 10^6 bytes. */
  readonly rssMb: number | undefined
  /** The load generator that was the bottleneck of most rounds, if one was. */
  readonly limitedBy: Limit | undefined
  /** The errors of failed rounds. */
  readonly errors: readonly string[]
}

/** All peers in one scenario at one MTU. */
export interface Table {
  readonly scenario: ScenarioResult
  readonly mtu: number
  /** The best of the other forwarders in user space, by its title. */
  readonly best: string | undefined
  readonly rows: readonly Row[]
}

/** Derives medians and ratios from the raw rounds. */
export function summarise({ mtus, scenarios, peers, samples }: Results): Table[] {
  const present = peers.filter(({ missing }) => missing === undefined)
  return mtus.flatMap((mtu) =>
    scenarios.map((scenario) => {
      const own = samples.filter((sample) => sample.mtu === mtu && sample.scenario === scenario.id)
      const ran = new Set(own.map(({ peer }) => peer))
      return tableOf(
        scenario,
        mtu,
        present.filter(({ id }) => ran.has(id)),
        own,
      )
    }),
  )
}

function tableOf(
  scenario: ScenarioResult,
  mtu: number,
  peers: readonly PeerResult[],
  samples: readonly Sample[],
): Table {
  const [metric] = scenario.metrics
  const bare = peers.map((peer) => {
    const own = samples.filter((sample) => sample.peer === peer.id)
    return bareRow(peer, scenario.metrics, own)
  })
  const rowOf = (id: string) => bare.find(({ peer }) => peer.id === id)
  const first = (row: BareRow | undefined) => (metric && row ? row.values[metric.key] : undefined)
  const best = bestOf('user', bare, metric)
  const composite = bestOf('composite', bare, metric)
  const plainRow = rowOf(PLAIN)
  const rows = bare.map((row) => ({
    ...row,
    toPlain: ratio(first(row), first(plainRow)),
    toVxlan: ratio(first(row), first(rowOf(VXLAN))),
    toBest: ratio(first(row), first(best)),
    toComposite: ratio(first(row), first(composite)),
    cpuToPlain: ratio(row.cpuPerGb, plainRow?.cpuPerGb),
  }))
  return { scenario, mtu, best: best?.peer.title, rows }
}

type BareRow = Omit<Row, 'toPlain' | 'toVxlan' | 'toBest' | 'toComposite' | 'cpuToPlain'>

function bareRow(
  peer: PeerResult,
  metrics: readonly Metric[],
  samples: readonly Sample[],
): BareRow {
  const series = (key: string) => numbers(samples.map(({ values }) => values?.[key]))
  const medians = metrics.flatMap(({ key }) => {
    const middle = median(series(key))
    return middle === undefined ? [] : [[key, middle] as const]
  })
  const perGb = (of: (sample: Sample) => number | undefined) =>
    median(numbers(samples.map((sample) => ratio(of(sample), sample.bytes && sample.bytes / 1e9))))
  const rss = median(numbers(samples.map(({ rssBytes }) => rssBytes)))
  return {
    peer,
    values: Object.fromEntries(medians),
    spread: spread(series(metrics[0]?.key ?? '')),
    cpuPerGb: perGb(({ forwarderCpuSeconds }) => forwarderCpuSeconds),
    machineCpuPerGb: perGb(({ machineCpuSeconds }) => machineCpuSeconds),
    limitedBy: limitOf(samples),
    rssMb: rss === undefined ? undefined : rss / 1e6,
    errors: samples.map(({ error }) => error).filter((error) => error !== undefined),
  }
}

/** Returns the load generator that was the bottleneck of at least half of the rounds. */
function limitOf(samples: readonly Sample[]): Limit | undefined {
  const limits = samples.flatMap(({ limitedBy }) => limitedBy ?? [])
  return limits.length * 2 >= samples.length ? limits[0] : undefined
}

/** The best of one kind. */
function bestOf(
  kind: PeerKind,
  rows: readonly BareRow[],
  metric: Metric | undefined,
): BareRow | undefined {
  if (!metric) return undefined
  const sign = metric.better === 'more' ? -1 : 1
  return rows
    .filter(({ peer, values }) => peer.kind === kind && values[metric.key] !== undefined)
    .sort((a, b) => sign * ((a.values[metric.key] ?? 0) - (b.values[metric.key] ?? 0)))[0]
}

function numbers(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined)
}
