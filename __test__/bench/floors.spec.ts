import test from 'ava'
import { compareRuns } from '../../bench/report/compare.ts'
import { type Floor, floorsOf } from '../../bench/report/floors.ts'
import { terminalReport } from '../../bench/report/terminal.ts'
import { FORMAT, type PeerResult, type Results, type Sample } from '../../bench/results.ts'
import type { Metric } from '../../bench/scenarios/scenario.ts'

const PEERS: readonly PeerResult[] = [
  { id: 'vxlan', title: 'kernel VXLAN', kind: 'kernel' },
  { id: 'tun2udp', title: 'tun2udp', kind: 'ours' },
  { id: 'plain', title: 'plain C loop', kind: 'user' },
  { id: 'openvpn', title: 'OpenVPN', kind: 'user' },
  { id: 'parts', title: 'parts', kind: 'composite' },
]
const GBPS: Metric = { key: 'gbps', title: 'throughput', unit: 'Gbit/s', better: 'more' }
const TRIPS: readonly Metric[] = [
  { key: 'p50', title: 'p50', unit: 'µs', better: 'less' },
  { key: 'p99', title: 'p99', unit: 'µs', better: 'less' },
]

/** Figures by scenario and peer: throughput, or a pair of percentiles. */
type Figures = Readonly<
  Record<string, Readonly<Record<string, number | readonly [number, number]>>>
>

function resultsOf(figures: Figures, flags?: readonly string[]): Results {
  const samples = Object.entries(figures).flatMap(([scenario, peers]) =>
    Object.entries(peers).map(([peer, figure]): Sample => {
      const [p50 = 0, p99 = 0] = typeof figure === 'number' ? [] : figure
      const values = typeof figure === 'number' ? { gbps: figure } : { p50, p99 }
      return { scenario, peer, mtu: 1500, round: 0, values, bytes: 1e9, rssBytes: 100e6 }
    }),
  )
  return {
    format: FORMAT,
    date: '2026-01-02T03:04:05.678Z',
    commit: 'abc1234',
    command: '',
    machine: {
      ...{ kernel: 'Linux 6.18', cpu: 'A CPU', cores: 2, memoryGiB: 8 },
      ...(flags && { cpuFacts: { identity: 'family 6', flags, mitigations: {} } }),
    },
    versions: {},
    ...{ seconds: 1, rounds: 1, mtus: [1500], congestion: 'cubic', peers: PEERS },
    scenarios: Object.entries(figures).map(([id, { tun2udp }]) => ({
      id,
      title: id,
      metrics: typeof tun2udp === 'number' ? [GBPS] : TRIPS,
    })),
    samples,
  }
}

const FIGURES: Figures = {
  tcp1: { vxlan: 20, tun2udp: 12, plain: 1, openvpn: 2, parts: 15 },
  flows1: { tun2udp: 10, plain: 1 },
  flows1024: { tun2udp: 8, plain: 1 },
  'hub8-out': { tun2udp: 9 },
  sparse: { tun2udp: [104, 200], plain: [100, 100], openvpn: [90, 100] },
  'sparse-cpu0': { tun2udp: [30, 60], plain: [30, 50] },
  'mixed-ping': { tun2udp: [90, 2000], plain: [1000, 10_000] },
}

function floor(results: Results, pattern: RegExp): Floor {
  const found = floorsOf(results).find(({ what }) => pattern.test(what))
  if (!found) throw new Error(`no floor ${String(pattern)}`)
  return found
}

test('floors are ratios within one run, and are reached or not', (t) => {
  const results = resultsOf(FIGURES)
  for (const [pattern, value, isMet] of [
    [/1 stream, to the plain loop/u, 12, true],
    [/1 stream, to VXLAN/u, 0.6, true],
    [/next to 1 TCP stream, p50/u, 0.09, true],
    [/next to 1 TCP stream, p99/u, 0.2, false],
    [/1,000 per second, p50/u, 1.04, true],
    [/one CPU, p50/u, 1, true],
    [/one CPU, p99/u, 1.2, false],
    [/1,024 flows to 1 flow/u, 0.8, false],
    [/hub to 8 spokes/u, 0.9, true],
    [/8 spokes to hub/u, undefined, undefined],
    [/resident memory/u, 50, true],
  ] as const) {
    const { what, value: found, isMet: isFound } = floor(results, pattern)
    t.deepEqual([found, isFound], [value, isMet], what)
  }
})

test('the least advantage is over a forwarder that one can install, in whatever scenario', (t) => {
  const { measured, value, isMet } = floor(resultsOf(FIGURES), /^ahead/u)
  t.is(value, 90 / 104)
  t.regex(measured, /^0\.87 ×: sparse, OpenVPN; 3 of 8 are behind$/u)
  t.false(isMet)
  const { tcp1 = {} } = FIGURES
  const alone = floor(resultsOf({ tcp1 }), /^ahead/u)
  t.deepEqual([alone.value, alone.isMet], [6, true], 'composites and the kernel do not count')
  t.is(floor(resultsOf({ idle: { tun2udp: 1, plain: 2 } }), /^ahead/u).isMet, undefined)
})

test('an older CPU has lower floors', (t) => {
  const figures = { tcp1: { vxlan: 20, tun2udp: 9, plain: 1 } }
  const reached = (flags?: readonly string[]) =>
    [/to the plain loop/u, /to VXLAN/u].map((what) => floor(resultsOf(figures, flags), what).isMet)
  t.deepEqual(reached(['avx512f', 'fsrm']), [false, false])
  t.deepEqual(reached(['avx2', 'erms']), [true, true])
  t.deepEqual(reached(), [false, false])
})

test('the terminal names floors that are not reached, and no others', (t) => {
  const lines = terminalReport(resultsOf(FIGURES))
  t.true(lines.includes('floor not reached: TCP, 1,024 flows to 1 flow: 0.80 ×, expected ≥ 0.9 ×'))
  t.false(lines.includes('floor not reached: TCP, 8 spokes'))
})

test('several runs are side by side, with what each of them lacks', (t) => {
  const { tcp1 = {}, sparse = {} } = FIGURES
  const old = resultsOf({ tcp1: { tun2udp: 8, plain: 2 } }, ['avx2'])
  const page = compareRuns([
    { name: 'new', results: resultsOf({ tcp1, sparse }) },
    { name: 'old', results: { ...old, machine: { ...old.machine, cpu: 'Another CPU' } } },
  ])
  t.regex(page, /^\| CPU +\| A CPU, 2 cores.* \| Another CPU, 2 cores/mu)
  t.regex(page, /^\| CPU flags +\| – +\| avx2 +\|$/mu)
  t.regex(page, /^\| tun2udp +\| +12\.0 \(12\.0 ×\) \| +8\.00 \(4\.00 ×\) \|$/mu)
  t.regex(page, /^\| kernel VXLAN +\| +20\.0 \(20\.0 ×\) \| +– \|$/mu)
  t.regex(page, /^\| OpenVPN +\| +90\.0 \(0\.90 ×\) \| +– \|$/mu)
  t.regex(
    page,
    /^\| TCP, 1 stream, to the plain loop +\| +12\.0 × \(≥ 10 ×\) \| +4\.00 × \(not ≥ 7 ×\) \|$/mu,
  )
})
