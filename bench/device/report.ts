import { markdownTable } from 'markdown-table'
import { digits, times } from '../report/cells.ts'
import { median, ratio, spread } from '../statistics.ts'
import type { Bound, DeviceResults, Measured } from './results.ts'

/** An entry's figures over all rounds. */
export interface Row {
  readonly title: string
  readonly value: number | undefined
  readonly spread: number | undefined
  /** To the median of its reference. */
  readonly ratio: number | undefined
  readonly bound: Bound | undefined
  /** Whether it is within its bound; nothing where there is none. */
  readonly holds: boolean | undefined
}

/** Medians and ratios of a figure, in the order of its entries. */
export function summarise({ entries, samples }: Measured): Row[] {
  const valuesOf = (id: string) =>
    samples.filter(({ entry }) => entry === id).map(({ value }) => value)
  return entries.map(({ id, title, reference, bound }) => {
    const values = valuesOf(id)
    const value = median(values)
    const factor = reference === undefined ? undefined : ratio(value, median(valuesOf(reference)))
    const judged = reference === undefined ? value : factor
    const holds =
      bound && judged !== undefined
        ? judged >= (bound.least ?? -Infinity) && judged <= (bound.most ?? Infinity)
        : undefined
    return { title, value, spread: spread(values), ratio: factor, bound, holds }
  })
}

/** The results as a page. */
export function deviceReport(results: DeviceResults): string {
  return [
    '# Devices in JavaScript: results',
    'Made by `npm run bench:device`; [README.md](../README.md#devices) says how, and what the figures mean.',
    setting(results),
    ...results.figures.flatMap((figure) => [`## ${figure.title}`, tableOf(figure)]),
    ...missing(results),
    '## Each round',
    rounds(results),
    '',
  ].join('\n\n')
}

function setting({ date, commit, command, machine, versions, rounds }: DeviceResults): string {
  const rows = [
    ['date', date],
    ['commit', commit],
    ['command', `\`${`npm run bench:device -- ${command}`.trim()}\``],
    ['CPU', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB of memory`],
    ['kernel', machine.kernel],
    ['rounds', `${rounds}, interleaved; medians; ± is half their range`],
    ...Object.entries(versions),
  ]
  return markdownTable([['', ''], ...rows], { align: ['l', 'l'] })
}

function tableOf(figure: Measured): string {
  const titles = new Map(figure.entries.map(({ id, title }) => [id, title]))
  const head = ['', figure.unit, '±', 'ratio', 'to', 'wanted', '']
  const rows = summarise(figure).map((row, index) => {
    const reference = figure.entries[index]?.reference
    return [
      row.title,
      digits(row.value),
      row.spread === undefined ? '–' : `${(row.spread * 100).toFixed(0)} %`,
      times(row.ratio),
      reference === undefined ? '' : (titles.get(reference) ?? reference),
      wanted(row),
      row.holds === undefined ? '' : row.holds ? 'holds' : '**missed**',
    ]
  })
  return markdownTable([head, ...rows], { align: ['l', 'r', 'r', 'r', 'l', 'r', 'l'] })
}

function wanted({ bound, ratio: factor }: Row): string {
  const unit = factor === undefined ? '' : ' ×'
  if (bound?.least !== undefined) return `≥ ${bound.least}${unit}`
  return bound?.most === undefined ? '' : `≤ ${bound.most}${unit}`
}

function missing({ missing: packages }: DeviceResults): string[] {
  if (packages.length === 0) return []
  const rows = packages.map(({ title, reason }) => [title, reason])
  return ['## Not had', markdownTable([['package', 'reason'], ...rows])]
}

function rounds({ figures }: DeviceResults): string {
  const rows = figures.flatMap(({ id, unit, entries, samples }) =>
    entries.map((entry) => {
      const own = samples.filter((sample) => sample.entry === entry.id)
      return [id, unit, entry.title, own.map(({ value }) => digits(value)).join(', ')]
    }),
  )
  return markdownTable([['figure', 'unit', '', 'rounds'], ...rows], { align: ['l', 'l', 'l', 'r'] })
}
