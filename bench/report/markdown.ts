import { markdownTable } from 'markdown-table'
import type { Results, Sample } from '../results.ts'
import { LIMITED, cellsOf, digits, headOf, pathOf, times, titleOf } from './cells.ts'
import { floorsOf } from './floors.ts'
import { KIND_NAMES, PATH_NAMES } from './kinds.ts'
import { type Row, type Table, summarise } from './summary.ts'

/** The relay of the tree itself, which the first table is about. */
const OURS = 'tun2udp'

/** Returns the results as a page that refers to the plots. */
export function markdownReport(results: Results, plots: readonly string[]): string {
  const tables = summarise(results)
  return [
    '# Results of the bench',
    'Made by `npm run bench`; [README.md](../README.md) says how, and what the figures mean.',
    setting(results),
    '## In short',
    caption(results),
    short(tables, results),
    ...limits(tables),
    '## Floors',
    floors(results),
    ...plots.map((file) => `![${file.replace(/\.svg$/u, '')}](${file})`),
    '## Peers',
    peersOf(results),
    ...tables.flatMap((table) => [
      `## ${titleOf(table, results)}`,
      tableOf(
        headOf(table),
        table.rows.map((row) => cellsOf(row, table)),
        1,
      ),
    ]),
    ...failures(results),
    '## Each round',
    'In the order of the rounds; the JSON file has all that was measured.',
    rounds(results),
    '',
  ].join('\n\n')
}

/** Returns a table whose first columns are aligned to the left, and the others to the right. */
export function tableOf(head: string[], rows: string[][], leftColumns: number): string {
  const align = head.map((_, index) => (index < leftColumns ? 'l' : 'r'))
  const escaped = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  return markdownTable([head, ...escaped], { align })
}

function setting(results: Results): string {
  const { date, commit, command, machine, congestion, versions, path = 'loopback' } = results
  const { cpu, cores, memoryGiB, kernel } = machine
  return tableOf(
    ['', ''],
    [
      ['date', date],
      ['commit', commit],
      ['command', `\`${`npm run bench -- ${command}`.trim()}\``],
      ['CPU', `${cpu}, ${cores} cores, ${memoryGiB} GiB of memory`],
      ...factsOf(results.machine),
      ['kernel', kernel],
      ['congestion control', congestion],
      ['path', PATH_NAMES[path]],
      ...Object.entries(versions),
    ],
    2,
  )
}

/** Returns the rows of the facts about the CPU; none if the results have none. */
export function factsOf({ cpuFacts }: Results['machine']): string[][] {
  if (!cpuFacts) return []
  const { identity, flags, mitigations, governor, clockSource } = cpuFacts
  const states = Object.entries(mitigations).map(([name, state]) => `${name}: ${state}`)
  return [
    ['CPU identity', identity],
    ['CPU flags', flags.join(' ')],
    ['mitigations', states.join('<br>') || 'not needed'],
    ['governor', governor ?? 'not controlled by this kernel'],
    ['clock source', clockSource ?? 'unknown'],
  ]
}

/** Returns the titles of scenarios that a forwarder of user space took no part in although it was there. */
function partial({ peers, scenarios, samples }: Results): string[] {
  const present = peers.filter(({ kind, missing }) => kind === 'user' && missing === undefined)
  const ran = new Set(samples.map(({ scenario, peer }) => `${scenario} ${peer}`))
  return scenarios
    .filter(({ id }) => present.some((peer) => !ran.has(`${id} ${peer.id}`)))
    .map(({ title }) => `"${title}"`)
}

function caption(results: Results): string {
  const { rounds, seconds, peers, scenarios } = results
  const sentences = [`Medians of ${rounds} interleaved rounds of ${seconds} s each.`]
  if (peers.some(({ kind }) => kind === 'composite')) {
    sentences.push(
      "A composite is a forwarder that only this bench has, made of another tunnel's parts.",
    )
  }
  if (scenarios.some(({ id }) => id === 'rtt')) {
    sentences.push(
      'During round trips tun2udp busy-polls, so its median can be below that of veth, which has no tunnel but sleeps.',
    )
  }
  const titles = partial(results)
  if (titles.length > 0) sentences.push(`Not all peers ran ${titles.join(', ')}.`)
  return sentences.join(' ')
}

/** Returns the sentence about runs whose load generator was the limit, if there are any. */
function limits(tables: readonly Table[]): string[] {
  const isLimited = tables.some(({ rows }) => rows.some(({ limitedBy }) => limitedBy !== undefined))
  const what = 'the load generator used a whole CPU, or everything that it sent was delivered'
  return isLimited ? [`${LIMITED} The forwarder was not the limit in most rounds: ${what}.`] : []
}

function short(tables: readonly Table[], results: Results): string {
  const head = [
    ...['scenario', 'MTU', 'tun2udp', 'to plain C', 'to VXLAN', 'to the best other'],
    ...['which is', 'to the best composite', 'CPU s/GB', 'to plain C'],
  ]
  const rows = tables.flatMap((table) => {
    const row = table.rows.find(({ peer }) => peer.id === OURS)
    return row ? [shortRow(table, row, pathOf(results))] : []
  })
  return tableOf(head, rows, 1)
}

function floors(results: Results): string {
  const rows = floorsOf(results).map(({ what, floor, measured, isMet }) => [
    ...[what, floor, measured],
    isMet === undefined ? 'not measured' : isMet ? 'yes' : '**no**',
  ])
  return tableOf(['figure of tun2udp', 'floor', 'measured', 'reached'], rows, 1)
}

function shortRow({ scenario, mtu, best }: Table, row: Row, path: string): string[] {
  const value = scenario.metrics
    .map(({ key, title, unit }, index) => {
      const figure = `${digits(row.values[key])} ${unit}`
      // Ratios are those of the first metric, which therefore needs no title.
      return index === 0 ? figure : `${title.split(' ').at(-1) ?? title} ${figure}`
    })
    .join(', ')
  return [
    ...[`${scenario.title}${path}`, String(mtu), value],
    ...[times(row.toPlain), times(row.toVxlan), times(row.toBest), best ?? '–'],
    ...[times(row.toComposite), digits(row.cpuPerGb), times(row.cpuToPlain)],
  ]
}

function peersOf({ peers }: Results): string {
  // Older files do not state which peers encrypt.
  const isKnown = peers.some(({ encrypts }) => encrypts !== undefined)
  const head = ['peer', 'kind', ...(isKnown ? ['encrypts'] : []), 'version']
  const rows = peers.map(({ title, kind, encrypts = false, version, missing }) => [
    title,
    KIND_NAMES[kind],
    ...(isKnown ? [encrypts ? 'yes' : 'no'] : []),
    missing === undefined ? (version ?? '–') : `**not had:** ${missing}`,
  ])
  return tableOf(head, rows, head.length)
}

function failures({ samples }: Results): string[] {
  const failed = samples.filter(({ error }) => error !== undefined)
  if (failed.length === 0) return []
  const rows = failed.map((sample) => [
    ...placeOf(sample),
    String(sample.round),
    sample.error ?? '',
  ])
  return ['## Failed', tableOf(['scenario', 'MTU', 'peer', 'round', 'reason'], rows, 5)]
}

function placeOf({ scenario, mtu, peer }: Sample): string[] {
  return [scenario, String(mtu), peer]
}

function rounds({ scenarios, mtus, peers, samples }: Results): string {
  const rows = mtus.flatMap((mtu) =>
    scenarios.flatMap(({ id: scenario, metrics }) =>
      metrics.flatMap(({ key, title, unit }) =>
        peers
          .filter(({ missing }) => missing === undefined)
          .map(({ id: peer, title: name }) => {
            const own = samples.filter(
              (s) => s.mtu === mtu && s.scenario === scenario && s.peer === peer,
            )
            const values = own.map(({ values }) => digits(values?.[key])).join(', ')
            return [scenario, String(mtu), `${title}, ${unit}`, name, values]
          }),
      ),
    ),
  )
  return tableOf(['scenario', 'MTU', 'figure', 'peer', 'rounds'], rows, 5)
}
