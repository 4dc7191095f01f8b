import type { Results } from '../results.ts'
import { digits, times, titleOf } from './cells.ts'
import { floorsOf } from './floors.ts'
import { factsOf, tableOf } from './markdown.ts'
import { type Table, summarise } from './summary.ts'

const NOTHING = '–'

/** A recorded run with a name for its column. */
export interface Run {
  readonly name: string
  readonly results: Results
}

/** Returns several recorded runs side by side as a page. Figures of one machine are next to those of the others. */
export function compareRuns(runs: readonly Run[]): string {
  const summaries = runs.map(({ results }) => summarise(results))
  return [
    '# Runs of the bench side by side',
    'Compare ratios, not figures: the machines and the days differ.',
    settings(runs),
    '## Floors',
    floors(runs),
    ...tablesOf(runs, summaries),
    '',
  ].join('\n\n')
}

function settings(runs: readonly Run[]): string {
  const columns = runs.map(({ results }) => new Map(settingOf(results)))
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))]
  const rows = names.map((name) => [name, ...columns.map((column) => column.get(name) ?? NOTHING)])
  return tableOf(['', ...runs.map(({ name }) => name)], rows, runs.length + 1)
}

function settingOf(results: Results): [string, string][] {
  const { date, commit, machine, congestion, rounds, seconds, path = 'loopback' } = results
  const facts = factsOf(machine).map(([name = '', value = '']): [string, string] => [name, value])
  return [
    ['date', date],
    ['commit', commit],
    ['CPU', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB of memory`],
    ...facts,
    ['kernel', machine.kernel],
    ['congestion control', congestion],
    ['path', path],
    ['rounds', `${rounds} of ${seconds} s`],
  ]
}

function floors(runs: readonly Run[]): string {
  const columns = runs.map(({ results }) => floorsOf(results))
  const [first = []] = columns
  const rows = first.map(({ what }, index) => [
    what,
    ...columns.map((column) => {
      const { floor = '', measured = NOTHING, isMet } = column[index] ?? {}
      return isMet === undefined ? NOTHING : `${measured} (${isMet ? '' : 'not '}${floor})`
    }),
  ])
  return tableOf(['', ...runs.map(({ name }) => name)], rows, 1)
}

/** Returns a table for each scenario at each MTU and path that a run has. */
function tablesOf(runs: readonly Run[], summaries: readonly (readonly Table[])[]): string[] {
  const titled = summaries.map(
    (tables, index) =>
      new Map(
        tables.flatMap((table) => {
          const results = runs[index]?.results
          return results ? [[titleOf(table, results), table] as const] : []
        }),
      ),
  )
  const titles = [...new Set(titled.flatMap((tables) => [...tables.keys()]))]
  return titles.flatMap((title) => {
    const tables = titled.map((one) => one.get(title))
    const metric = tables.find((table) => table !== undefined)?.scenario.metrics[0]
    const unit = metric ? ` (${metric.title}, ${metric.unit}; to the plain loop)` : ''
    const peers = new Map(
      tables.flatMap(
        (table) => table?.rows.map(({ peer }) => [peer.id, peer.title] as const) ?? [],
      ),
    )
    const rows = [...peers].map(([id, name]) => [
      name,
      ...tables.map((table) => cellOf(table, id, metric?.key ?? '')),
    ])
    return [`## ${title}${unit}`, tableOf(['peer', ...runs.map(({ name }) => name)], rows, 1)]
  })
}

function cellOf(table: Table | undefined, peer: string, key: string): string {
  const row = table?.rows.find((candidate) => candidate.peer.id === peer)
  const value = row?.values[key]
  if (!row || value === undefined) return NOTHING
  return row.toPlain === undefined ? digits(value) : `${digits(value)} (${times(row.toPlain)})`
}
