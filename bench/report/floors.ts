import type { CpuFacts, Results } from '../results.ts'
import { ratio } from '../statistics.ts'
import { digits, times } from './cells.ts'
import { type Row, type Table, summarise } from './summary.ts'

/** The relay of the tree itself, which the floors are about. */
const OURS = 'tun2udp'
const PLAIN = 'plain'
/** The MTU that the floors are for. */
const MTU = 1500
/** A scenario without traffic, in which most peers use nothing. */
const IDLE = 'idle'

/** A figure that a release must reach. */
export interface Floor {
  readonly what: string
  /** Where the value must be. */
  readonly floor: string
  readonly value: number | undefined
  /** The value as text, with the place where it was measured if there are several. */
  readonly measured: string
  /** Whether the floor is reached; absent if the results do not contain what it needs. */
  readonly isMet: boolean | undefined
}

/** Returns the floors with their values in one run. */
export function floorsOf(results: Results): Floor[] {
  const tables = summarise(results).filter(({ mtu }) => mtu === MTU)
  const of = (scenario: string, peer: string, key: string) =>
    rowOf(tables, scenario, peer)?.values[key]
  const to = (base: string, scenario: string, key: string) =>
    ratio(of(scenario, OURS, key), of(scenario, base, key))
  const flow = of('flows1', OURS, 'gbps')
  const toFlow = (scenario: string) => ratio(of(scenario, OURS, 'gbps'), flow)
  const { plain, vxlan } = isRecent(results.machine.cpuFacts) ? RECENT : OLDER
  const rss = rowOf(tables, 'tcp1', OURS)?.rssMb
  return [
    ahead(tables),
    atLeast('TCP, 1 stream, to the plain loop', plain, to(PLAIN, 'tcp1', 'gbps')),
    atLeast('TCP, 1 stream, to VXLAN', vxlan, to('vxlan', 'tcp1', 'gbps')),
    atMost(
      'ping next to 1 TCP stream, p50, to the plain loop',
      0.1,
      to(PLAIN, 'mixed-ping', 'p50'),
    ),
    atMost(
      'ping next to 1 TCP stream, p99, to the plain loop',
      0.15,
      to(PLAIN, 'mixed-ping', 'p99'),
    ),
    atMost('ping, 1,000 per second, p50, to the plain loop', 1.05, to(PLAIN, 'sparse', 'p50')),
    atMost('ping on one CPU, p50, to the plain loop', 1.05, to(PLAIN, 'sparse-cpu0', 'p50')),
    atMost('ping on one CPU, p99, to the plain loop', 1, to(PLAIN, 'sparse-cpu0', 'p99')),
    atLeast('TCP, 1,024 flows to 1 flow', 0.9, toFlow('flows1024')),
    atLeast('TCP, hub to 8 spokes, to 1 flow of a pair', 0.9, toFlow('hub8-out')),
    atLeast('TCP, 8 spokes to hub, to 1 flow of a pair', 0.9, toFlow('hub8-in')),
    atMost('resident memory of a relay, MB', 60, rss === undefined ? undefined : rss / 2, digits),
  ]
}

/** Floors of one TCP stream. CPUs with AVX-512 and fast short string moves copy and sum faster. */
const RECENT = { plain: 10, vxlan: 0.58 }
const OLDER = { plain: 7, vxlan: 0.42 }

/** Returns whether a CPU has the higher floors. Results without facts are of a recent one. */
function isRecent(facts: CpuFacts | undefined): boolean {
  return facts === undefined || ['avx512f', 'fsrm'].every((flag) => facts.flags.includes(flag))
}

function rowOf(tables: readonly Table[], scenario: string, peer: string): Row | undefined {
  return tables
    .find((table) => table.scenario.id === scenario)
    ?.rows.find((row) => row.peer.id === peer)
}

/** The least advantage over another forwarder in user space, in any scenario. */
function ahead(tables: readonly Table[]): Floor {
  const advantages = tables.flatMap((table) => {
    const row = table.rows.find(({ peer }) => peer.id === OURS)
    if (!row || table.scenario.id === IDLE) return []
    return table.rows
      .filter(({ peer }) => peer.kind === 'user')
      .flatMap((other) => advantageOver(other, row, table))
  })
  const [worst] = [...advantages].sort((a, b) => a.factor - b.factor)
  const what = 'ahead of each other forwarder in user space, in each scenario'
  if (!worst) return { what, floor: '> 1 ×', value: undefined, measured: '–', isMet: undefined }
  const behind = advantages.filter(({ factor }) => factor <= 1).length
  const count = behind > 1 ? `; ${behind} of ${advantages.length} are behind` : ''
  const measured = `${times(worst.factor)}: ${worst.place}${count}`
  return { what, floor: '> 1 ×', value: worst.factor, measured, isMet: behind === 0 }
}

/** Returns by what factor our row is better than another one, by the first figure of the scenario. */
function advantageOver(other: Row, row: Row, { scenario }: Table) {
  const [metric] = scenario.metrics
  if (!metric) return []
  const [own, theirs] = [row.values[metric.key], other.values[metric.key]]
  const factor = metric.better === 'more' ? ratio(own, theirs) : ratio(theirs, own)
  return factor === undefined ? [] : [{ factor, place: `${scenario.title}, ${other.peer.title}` }]
}

function atLeast(what: string, least: number, value: number | undefined): Floor {
  const isMet = value === undefined ? undefined : value >= least
  return { what, floor: `≥ ${least} ×`, value, measured: times(value), isMet }
}

function atMost(
  what: string,
  most: number,
  value: number | undefined,
  show: (value: number | undefined) => string = times,
): Floor {
  const isMet = value === undefined ? undefined : value <= most
  const unit = show === times ? ' ×' : ''
  return { what, floor: `≤ ${most}${unit}`, value, measured: show(value), isMet }
}
