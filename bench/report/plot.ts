import { View, parse } from 'vega'
import { type TopLevelSpec, compile } from 'vega-lite'
import type { PeerKind } from '../peers/peer.ts'
import type { Results } from '../results.ts'
import { pathOf } from './cells.ts'
import { KIND_NAMES } from './kinds.ts'
import { type Row, type Table, summarise } from './summary.ts'

/** The MTU that is plotted, if it was measured. */
const USUAL_MTU = 1500
const COLOURS: Readonly<Record<PeerKind, string>> = {
  ours: '#d9480f',
  user: '#4263eb',
  composite: '#91a7ff',
  kernel: '#adb5bd',
}
/** The image itself has the media query, on GitHub and on the site; if it is not supported, the image stays light. */
const DARK_STYLE =
  '<style>@media (prefers-color-scheme: dark) { svg > rect { fill: #1b1b1f } text { fill: #dfdfd6 } }</style>'

/** One bar. */
interface Bar {
  panel: string
  peer: string
  kind: string
  value: number
}

/** One picture: which bars of a scenario are in it. */
interface Plot {
  file: string
  title: string
  bars: (table: Table) => Bar[]
}

const PLOTS: readonly Plot[] = [
  {
    file: 'tcp.svg',
    title: 'TCP through the tunnel, Gbit/s: more is better',
    bars: (table) => metricBars(table, 'gbps'),
  },
  {
    file: 'udp.svg',
    title: 'UDP delivered, 1000 packets per second: more is better',
    bars: (table) => metricBars(table, 'kpps'),
  },
  {
    file: 'rtt.svg',
    title: 'Round trip, µs: less is better',
    bars: (table) => [...metricBars(table, 'p50', 'p50'), ...metricBars(table, 'p99', 'p99')],
  },
  {
    file: 'cpu.svg',
    title: 'CPU of both forwarders, seconds for 10⁹ bytes over TCP: less is better',
    bars: (table) => (hasMetric(table, 'gbps') ? barsOf(table, ({ cpuPerGb }) => cpuPerGb) : []),
  },
]

/** Draws the pictures that the results have something for, by their file names. */
export async function plots(results: Results): Promise<Map<string, string>> {
  const { mtus } = results
  const mtu = mtus.includes(USUAL_MTU) ? USUAL_MTU : mtus[0]
  const tables = summarise(results).filter((table) => table.mtu === mtu)
  const pictures = new Map<string, string>()
  for (const { file, title, bars } of PLOTS) {
    const data = tables.flatMap(bars)
    if (data.length > 0)
      pictures.set(file, await draw(`${title} (MTU ${String(mtu)}${pathOf(results)})`, data))
  }
  return pictures
}

function hasMetric({ scenario }: Table, key: string): boolean {
  return scenario.metrics.some((metric) => metric.key === key)
}

function metricBars(table: Table, key: string, panel?: string): Bar[] {
  return hasMetric(table, key) ? barsOf(table, ({ values }) => values[key], panel) : []
}

function barsOf(
  { scenario, rows }: Table,
  valueOf: (row: Row) => number | undefined,
  panel = scenario.title,
): Bar[] {
  return rows.flatMap((row) => {
    const value = valueOf(row)
    const { title, kind } = row.peer
    return value === undefined ? [] : [{ panel, peer: title, kind: KIND_NAMES[kind], value }]
  })
}

async function draw(title: string, values: readonly Bar[]): Promise<string> {
  const { spec } = compile(specOf(title, values))
  const picture = await new View(parse(spec), { renderer: 'none' }).toSVG()
  return picture.replace(/^<svg [^>]*>/u, (opening) => opening + DARK_STYLE)
}

function specOf(title: string, values: readonly Bar[]): TopLevelSpec {
  const order = (key: 'panel' | 'peer') => [...new Set(values.map((bar) => bar[key]))]
  const y = { field: 'peer', type: 'nominal', sort: order('peer'), title: null } as const
  const x = { field: 'value', type: 'quantitative', title: null } as const
  const label = { field: 'value', type: 'quantitative', format: '.3~g' } as const
  const kinds = ['ours', 'user', 'composite', 'kernel'] as const
  return {
    title: { text: title, anchor: 'start' },
    background: 'white',
    padding: 8,
    data: { values: [...values] },
    facet: { field: 'panel', type: 'nominal', sort: order('panel'), title: null },
    columns: 2,
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 240,
      layer: [
        {
          mark: 'bar',
          encoding: {
            y,
            x,
            color: {
              field: 'kind',
              type: 'nominal',
              title: null,
              scale: {
                domain: kinds.map((kind) => KIND_NAMES[kind]),
                range: kinds.map((kind) => COLOURS[kind]),
              },
              // Without a limit, Vega cuts labels of more than 160 pixels.
              legend: { orient: 'bottom', labelLimit: 0 },
            },
          },
        },
        { mark: { type: 'text', align: 'left', dx: 3 }, encoding: { y, x, text: label } },
      ],
    },
    config: { font: 'sans-serif', view: { stroke: null }, axis: { grid: false, labelLimit: 300 } },
  }
}
