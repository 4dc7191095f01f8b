import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { readResults, render } from '../../bench/report/render.ts'
import { type Table, summarise } from '../../bench/report/summary.ts'
import { terminalReport } from '../../bench/report/terminal.ts'
import { FORMAT, type Results, type Sample, parseResults } from '../../bench/results.ts'

const RECORDED = fileURLToPath(new URL('../../bench/results', import.meta.url))

function tcp(peer: string, round: number, gbps: number, cpu?: number): Sample {
  const bytes = gbps * 125e6
  const base = { scenario: 'tcp1', peer, mtu: 1500, round, values: { gbps }, bytes }
  const forwarder = cpu === undefined ? {} : { forwarderCpuSeconds: cpu, rssBytes: 3e6 }
  return { ...base, machineCpuSeconds: 2, ...forwarder }
}

function trip(peer: string, p50: number): Sample {
  return { scenario: 'rtt', peer, mtu: 1500, round: 0, values: { p50, p99: 2 * p50 }, bytes: 0 }
}

const RESULTS: Results = {
  format: FORMAT,
  date: '2026-01-02T03:04:05.678Z',
  commit: 'abc1234',
  command: '--rounds 3',
  machine: { kernel: 'Linux 6.18', cpu: 'A CPU', cores: 2, memoryGiB: 8 },
  versions: { node: 'v20.19.0', iperf3: 'iperf 3.12' },
  seconds: 1,
  rounds: 3,
  mtus: [1500],
  congestion: 'cubic',
  peers: [
    { id: 'vxlan', title: 'kernel VXLAN', kind: 'kernel', version: 'Linux 6.18' },
    { id: 'tun2udp', title: 'tun2udp', kind: 'ours', version: '0.1.0' },
    { id: 'plain', title: 'plain C loop', kind: 'user', version: 'cc 12' },
    { id: 'socat', title: 'socat', kind: 'user', version: '1.7' },
    { id: 'parts', title: 'parts of a tunnel', kind: 'composite', version: '2' },
    { id: 'go-water', title: 'Go | water', kind: 'user', missing: 'there is no Go toolchain' },
  ],
  scenarios: [
    {
      id: 'tcp1',
      title: 'TCP, 1 stream',
      metrics: [{ key: 'gbps', title: 'throughput', unit: 'Gbit/s', better: 'more' }],
    },
    {
      id: 'rtt',
      title: 'round trip',
      metrics: [
        { key: 'p50', title: 'RTT p50', unit: 'µs', better: 'less' },
        { key: 'p99', title: 'RTT p99', unit: 'µs', better: 'less' },
      ],
    },
  ],
  samples: [
    ...[19, 20, 24].map((gbps, round) => tcp('vxlan', round, gbps)),
    ...[12, 8, 10].map((gbps, round) => tcp('tun2udp', round, gbps, gbps / 8)),
    ...[2, 2, 3].map((gbps, round) => tcp('plain', round, gbps, gbps / 2)),
    tcp('socat', 0, 1, 1),
    tcp('parts', 0, 4, 4),
    { scenario: 'tcp1', peer: 'socat', mtu: 1500, round: 1, error: 'it went away' },
    ...[trip('vxlan', 50), trip('tun2udp', 90), trip('plain', 100), trip('socat', 80)],
  ],
}

function tableOf(scenario: string): Table {
  const table = summarise(RESULTS).find((candidate) => candidate.scenario.id === scenario)
  if (!table) throw new Error(`no table of ${scenario}`)
  return table
}

test('medians, ratios, CPU and memory of throughput', (t) => {
  const { rows, best } = tableOf('tcp1')
  t.is(best, 'plain C loop')
  t.deepEqual(
    rows.map(({ peer }) => peer.id),
    ['vxlan', 'tun2udp', 'plain', 'socat', 'parts'],
  )
  t.deepEqual<unknown, unknown>(rows[1], {
    peer: RESULTS.peers[1],
    values: { gbps: 10 },
    spread: 0.2,
    toPlain: 5,
    toVxlan: 0.5,
    toBest: 5,
    toComposite: 2.5,
    // 8 Gbit are 10^9 bytes, and each takes a second of CPU time.
    cpuPerGb: 1,
    cpuToPlain: 0.25,
    machineCpuPerGb: 1.6,
    rssMb: 3,
    limitedBy: undefined,
    errors: [],
  })
  t.is(rows[0]?.cpuPerGb, undefined, 'the kernel has no forwarder')
  t.deepEqual(rows[3]?.errors, ['it went away'])
})

test('where less is better the best peer is the one with the least', (t) => {
  const { rows, best } = tableOf('rtt')
  t.is(best, 'socat')
  t.is(rows[1]?.toBest, 90 / 80)
  t.is(rows[1]?.toComposite, undefined, 'it did not run')
  t.deepEqual(rows[1]?.values, { p50: 90, p99: 180 })
  t.is(rows[1]?.cpuPerGb, undefined, 'no bytes, no CPU for them')
})

test('page and terminal name the machine, each round, who is missing and what failed', async (t) => {
  const page = (await render(RESULTS)).get('latest.md') ?? ''
  for (const part of [
    'abc1234',
    'Linux 6.18',
    'A CPU, 2 cores',
    'iperf 3.12',
    '`npm run bench -- --rounds 3`',
    '**not had:** there is no Go toolchain',
    'it went away',
    '12.0, 8.00, 10.0',
    '![tcp](tcp.svg)',
  ])
    t.true(page.includes(part), part)
  t.regex(
    page,
    /^\| TCP, 1 stream \| 1500 \| +10\.0 Gbit\/s \| +5\.00 × \| +0\.50 × \| +5\.00 × \| +plain C loop \| +2\.50 × \|/mu,
  )
  t.regex(page, /rounds of 1 s each\. A composite is .+ During round trips tun2udp busy-polls, /u)
  t.regex(page, /^\| round trip +\| 1500 \| +90\.0 µs, p99 180 µs \|/mu)
  t.regex(page, /Go \\\| water/u, 'what parts cells is escaped')
  const lines = terminalReport(RESULTS)
  t.true(lines.includes('not had: Go | water: there is no Go toolchain'))
  t.true(lines.includes('failed: socat, tcp1, MTU 1500, round 1: it went away'))
})

test('figures whose load generator was the limit in most rounds are marked', async (t) => {
  const limit = (peer: string, rounds: number): Sample[] =>
    RESULTS.samples.map((sample) =>
      sample.peer === peer && sample.scenario === 'tcp1' && sample.round < rounds
        ? { ...sample, limitedBy: 'sender' }
        : sample,
    )
  const page = async (samples: readonly Sample[]) =>
    (await render({ ...RESULTS, samples })).get('latest.md') ?? ''
  const marked = await page(limit('vxlan', 2))
  t.regex(marked, /^\| kernel VXLAN +\| +20\.0° \|/mu)
  t.true(marked.includes('° The forwarder was not the limit'))
  t.false((await page(limit('vxlan', 1))).includes('°'))
})

test('a peer without a run of a scenario has no row there', (t) => {
  const { rows } = tableOf('rtt')
  t.deepEqual(
    rows.map(({ peer }) => peer.id),
    ['vxlan', 'tun2udp', 'plain', 'socat'],
  )
})

test('the page names the scenarios that not all forwarders took part in', async (t) => {
  t.false((await render(RESULTS)).get('latest.md')?.includes('Not all peers'))
  const samples = RESULTS.samples.filter(
    ({ scenario, peer }) => scenario !== 'rtt' || peer !== 'socat',
  )
  const page = (await render({ ...RESULTS, samples })).get('latest.md') ?? ''
  t.true(page.includes(' Not all peers ran "round trip".'))
})

test('the page states which peers encrypt, if the results do', async (t) => {
  const page = async (results: Results) => (await render(results)).get('latest.md') ?? ''
  t.regex(await page(RESULTS), /^\| peer +\| kind +\| version +\|$/mu)
  const peers = RESULTS.peers.map((peer) => ({ ...peer, encrypts: peer.id === 'socat' }))
  const known = await page({ ...RESULTS, peers })
  t.regex(known, /^\| peer +\| kind +\| encrypts \| version +\|$/mu)
  t.regex(known, /^\| socat +\| user space +\| yes +\| 1\.7 +\|$/mu)
  t.regex(known, /^\| plain C loop +\| user space +\| no +\| cc 12 +\|$/mu)
})

test('the page has the facts about the CPU, if the results do', async (t) => {
  t.false((await render(RESULTS)).get('latest.md')?.includes('CPU flags'))
  const cpuFacts = {
    identity: 'A vendor, family 6',
    flags: ['avx2', 'erms'],
    mitigations: { mds: 'Vulnerable', spectre_v2: 'Mitigation: Retpolines' },
    clockSource: 'tsc',
  }
  const machine = { ...RESULTS.machine, cpuFacts }
  const page = (await render({ ...RESULTS, machine })).get('latest.md') ?? ''
  for (const [name, value] of [
    ['CPU identity', 'A vendor, family 6'],
    ['CPU flags', 'avx2 erms'],
    ['mitigations', 'mds: Vulnerable<br>spectre_v2: Mitigation: Retpolines'],
    ['governor', 'not controlled by this kernel'],
    ['clock source', 'tsc'],
  ])
    t.regex(page, new RegExp(`^\\| ${name} +\\| ${value} +\\|$`, 'mu'))
})

test('page, terminal and plots name the path', async (t) => {
  const routed: Results = { ...RESULTS, path: 'routed' }
  const files = await render(routed)
  const page = files.get('latest.md') ?? ''
  t.regex(page, /^\| path +\| routed: host, router, host/mu)
  t.regex(page, /^\| TCP, 1 stream, routed path +\| 1500 \| +10\.0 Gbit\/s/mu)
  t.true(page.includes('## TCP, 1 stream, MTU 1500, routed path'))
  t.true(files.get('tcp.svg')?.includes('(MTU 1500, routed path)'))
  t.true(terminalReport(routed).includes('TCP, 1 stream, MTU 1500, routed path\n'))
  t.regex((await render(RESULTS)).get('latest.md') ?? '', /^\| path +\| loopback of one host/mu)
})

test('plots are of what was raced, with a bar for each peer, and the same each time', async (t) => {
  const files = await render(RESULTS)
  t.deepEqual([...files.keys()], ['latest.md', 'tcp.svg', 'rtt.svg', 'cpu.svg'])
  const picture = files.get('tcp.svg') ?? ''
  t.regex(picture, /^<svg .*<\/svg>\n$/su)
  // The light colours are the backgrounds, first of all, and the dark ones the texts. A dark scheme swaps
  // both.
  t.regex(picture, /^<svg [^>]+><style>@media \(prefers-color-scheme: dark\) .+<\/style><rect /u)
  for (const title of ['kernel VXLAN', 'tun2udp', 'plain C loop', 'socat', 'parts of a tunnel'])
    t.true(picture.includes(`>${title}<`), title)
  t.true(picture.includes('>user space, composite<'), 'the legend is not cut')
  t.deepEqual(await render(RESULTS), files)
})

/** Returns the lengths of the bars of a picture, in its order. */
function barLengths(picture: string): number[] {
  const bars = picture.matchAll(/aria-roledescription="bar" d="M0,\d+(?:\.\d+)?h(\d+(?:\.\d+)?)v/gu)
  return [...bars].map(([, length]) => Number(length))
}

test('one bar that is much longer than the others is cut where less is better, and only there', async (t) => {
  const usual = await render(RESULTS)
  for (const picture of usual.values()) t.false(picture.includes('→'))
  const [, plain = 0] = barLengths(usual.get('cpu.svg') ?? '')
  t.true(plain > 0)
  const samples = RESULTS.samples.map((sample): Sample =>
    'error' in sample || sample.peer !== 'socat' || sample.scenario !== 'tcp1'
      ? sample
      : tcp('socat', 0, 100, 1_000),
  )
  const files = await render({ ...RESULTS, samples })
  const cpu = files.get('cpu.svg') ?? ''
  t.true(cpu.includes('less is better (MTU 1500); bars with an arrow are cut'))
  t.true(cpu.includes('>80 →<'), 'the value is that of the whole bar')
  const lengths = barLengths(cpu)
  const longest = Math.max(...lengths)
  t.true(Math.max(...lengths.filter((length) => length < longest)) > longest / 2, lengths.join())
  t.false((files.get('tcp.svg') ?? '').includes('→'), 'more is better')
})

test('plots fit a phone, and their panels have one scale', async (t) => {
  for (const [file, picture] of await render(readResults(RECORDED))) {
    if (!file.endsWith('.svg')) continue
    const width = Number(/^<svg [^>]*width="(\d+)"/u.exec(picture)?.[1])
    // At the 340 pixels of a phone, texts of 12 pixels have more than 8.
    t.true(width > 300 && width < 490, `${file}: ${width}`)
    const sizes = [...picture.matchAll(/font-size="(\d+)px"/gu)].map(([, size]) => Number(size))
    t.true(sizes.length > 0 && Math.min(...sizes) >= 12, file)
    const lowest = picture.matchAll(/aria-label="X-axis[^"]*"/gu)
    t.true([...lowest].length <= 1, `${file}: panels with an axis of their own`)
  }
})

test('results of another format are refused', (t) => {
  const text = JSON.stringify({ ...RESULTS, format: FORMAT + 1 })
  const message = `old.json is of format ${FORMAT + 1}, expected ${FORMAT}: run \`npm run bench\` anew`
  t.throws(() => parseResults(text, 'old.json'), { message })
  t.deepEqual(parseResults(JSON.stringify(RESULTS), 'x.json'), RESULTS)
})

test('the recorded page and plots are those of the recorded results', async (t) => {
  for (const [file, text] of await render(readResults(RECORDED))) {
    t.true(existsSync(join(RECORDED, file)), `${file} is missing: npm run bench:report`)
    t.is(readFileSync(join(RECORDED, file), 'utf8'), text, `${file}: run npm run bench:report`)
  }
})
