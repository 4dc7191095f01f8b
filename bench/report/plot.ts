import * as vega from 'vega'
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

/** A peer whose bars are longer than those of the next by this factor is cut, so that the others can be compared. */
const OUTLIER = 2.5
/** Length of the axis for cut bars, in proportion to the longest other bar. */
const ROOM_FOR_CUT = 1.15
/** Width of the bars, pixels. With the names it fits a phone, which shows the pictures at its own width. */
const BARS_WIDTH = 180
/** Height of a bar and its gap, and of the text, pixels. */
const STEP = 17
const FONT_SIZE = 12

/** Width of a character in relation to the size of the text: that of a wide sans-serif font. */
const EM_PER_CHARACTER = 0.62

/** Vega's measure of texts, which its types lack. Without a canvas it assumes 0.8 em, and pictures are half empty. */
const { textMetrics } = vega as unknown as {
  textMetrics: { width: (item: { fontSize?: number }, text: unknown) => number }
}
textMetrics.width = ({ fontSize = FONT_SIZE }, text) =>
  String(text).length * fontSize * EM_PER_CHARACTER

/** One bar. */
interface Bar {
  panel: string
  peer: string
  kind: string
  value: number
}

/** A bar as it is drawn. */
interface Drawn extends Bar {
  length: number
  label: string
}

/** One picture: which bars of a scenario are in it. All have one unit, and so one scale. */
interface Plot {
  file: string
  title: string
  better: 'more' | 'less'
  bars: (table: Table) => Bar[]
}

const PLOTS: readonly Plot[] = [
  {
    file: 'tcp.svg',
    title: 'TCP through the tunnel, Gbit/s',
    better: 'more',
    bars: (table) => metricBars(table, 'gbps'),
  },
  {
    file: 'udp.svg',
    title: 'UDP delivered, 1000 packets per second',
    better: 'more',
    bars: (table) => metricBars(table, 'kpps'),
  },
  {
    file: 'rtt.svg',
    title: 'Round trip, µs',
    better: 'less',
    bars: (table) => tripBars(table, 'rtt'),
  },
  {
    file: 'latency.svg',
    title: 'Ping next to one TCP stream, µs',
    better: 'less',
    bars: (table) => tripBars(table, 'mixed-ping'),
  },
  {
    file: 'cpu.svg',
    title: 'CPU of both forwarders, seconds for 10⁹ bytes over TCP',
    better: 'less',
    bars: (table) => (isAbout(table, 'gbps') ? barsOf(table, ({ cpuPerGb }) => cpuPerGb) : []),
  },
]

/** Draws the pictures that the results have something for, by their file names. */
export async function plots(results: Results): Promise<Map<string, string>> {
  const { mtus } = results
  const mtu = mtus.includes(USUAL_MTU) ? USUAL_MTU : mtus[0]
  const tables = summarise(results).filter((table) => table.mtu === mtu)
  const pictures = new Map<string, string>()
  for (const { file, title, better, bars } of PLOTS) {
    const data = tables.flatMap(bars)
    if (data.length === 0) continue
    const end = better === 'less' ? endOfAxis(data) : Infinity
    const cut = end === Infinity ? '' : '; bars with an arrow are cut'
    const lines = [title, `${better} is better (MTU ${String(mtu)}${pathOf(results)})${cut}`]
    pictures.set(
      file,
      await draw(
        lines,
        data.map((bar) => drawn(bar, end)),
      ),
    )
  }
  return pictures
}

/** Returns where the bars of an outlier are cut; infinity if there is none. */
function endOfAxis(bars: readonly Bar[]): number {
  const longest = new Map<string, number>()
  for (const { peer, value } of bars) longest.set(peer, Math.max(value, longest.get(peer) ?? 0))
  const [first = 0, second = 0] = [...longest.values()].sort((a, b) => b - a)
  return second > 0 && first > OUTLIER * second ? ROOM_FOR_CUT * second : Infinity
}

function drawn(bar: Bar, end: number): Drawn {
  const value = String(Number(bar.value.toPrecision(3)))
  const isCut = bar.value > end
  return { ...bar, length: Math.min(bar.value, end), label: isCut ? `${value} →` : value }
}

/** Returns whether a figure is the first of a scenario. Further figures are in its table only. */
function isAbout({ scenario }: Table, key: string): boolean {
  return scenario.metrics[0]?.key === key
}

function metricBars(table: Table, key: string): Bar[] {
  return isAbout(table, key) ? barsOf(table, ({ values }) => values[key]) : []
}

/** Returns the bars of a scenario that measures round trips, in a panel for each percentile. */
function tripBars(table: Table, scenario: string): Bar[] {
  if (table.scenario.id !== scenario) return []
  return ['p50', 'p99'].flatMap((key) => barsOf(table, ({ values }) => values[key], key))
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

async function draw(title: readonly string[], values: readonly Drawn[]): Promise<string> {
  const { spec } = compile(specOf(title, values))
  const picture = await new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG()
  return picture.replace(/^<svg [^>]*>/u, (opening) => opening + DARK_STYLE)
}

function specOf([text, ...subtitle]: readonly string[], values: readonly Drawn[]): TopLevelSpec {
  const order = (key: 'panel' | 'peer') => [...new Set(values.map((bar) => bar[key]))]
  const y = { field: 'peer', type: 'nominal', sort: order('peer'), title: null } as const
  const x = { field: 'length', type: 'quantitative', title: null } as const
  const label = { field: 'label', type: 'nominal' } as const
  const kinds = ['ours', 'user', 'composite', 'kernel'] as const
  return {
    title: { text: text ?? '', subtitle, anchor: 'start', frame: 'bounds' },
    background: 'white',
    padding: 8,
    data: { values: [...values] },
    facet: { field: 'panel', type: 'nominal', sort: order('panel'), title: null },
    columns: 1,
    spec: {
      width: BARS_WIDTH,
      height: { step: STEP },
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
              legend: { orient: 'bottom', labelLimit: 0, columns: 1 },
            },
          },
        },
        { mark: { type: 'text', align: 'left', dx: 3 }, encoding: { y, x, text: label } },
      ],
    },
    config: {
      font: 'sans-serif',
      view: { stroke: null },
      axis: { grid: false, labelLimit: 300, labelFontSize: FONT_SIZE, tickCount: 5 },
      text: { fontSize: FONT_SIZE },
      title: { fontSize: FONT_SIZE + 1, subtitleFontSize: FONT_SIZE },
      header: { labelFontSize: FONT_SIZE, labelFontWeight: 'bold' },
      legend: { labelFontSize: FONT_SIZE },
    },
  }
}
