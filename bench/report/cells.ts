import type { Results } from '../results.ts'
import type { Row, Table } from './summary.ts'

const NOTHING = '–'
/** Mark of a figure whose load generator was the limit. */
export const LIMITED = '°'

/** A number with three digits that count. */
export function digits(value: number | undefined): string {
  if (value === undefined) return NOTHING
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toFixed(decimals)
}

/** A number with its unit as a factor. */
export function times(value: number | undefined): string {
  return value === undefined ? NOTHING : `${digits(value)} ×`
}

/** Returns the title of a table: scenario, MTU, and the path unless it is loopback. */
export function titleOf({ scenario, mtu }: Table, results: Results): string {
  return `${scenario.title}, MTU ${String(mtu)}${pathOf(results)}`
}

/** Returns the path as an addition to a title; it is empty for loopback. */
export function pathOf({ path = 'loopback' }: Results): string {
  return path === 'loopback' ? '' : `, ${path} path`
}

/** The heads of a scenario's columns. */
export function headOf({ scenario }: Table): string[] {
  return [
    'peer',
    ...scenario.metrics.map(({ title, unit }) => `${title}, ${unit}`),
    '±',
    'to plain',
    'to VXLAN',
    'to best peer',
    ...(hasBytes(scenario) ? ['CPU s/GB', 'to plain', 'machine CPU s/GB'] : []),
    'RSS MB',
  ]
}

/** A peer's cells below them. */
export function cellsOf(row: Row, { scenario }: Table): string[] {
  return [
    row.peer.title,
    ...scenario.metrics.map(
      ({ key }, index) => digits(row.values[key]) + (index === 0 && row.limitedBy ? LIMITED : ''),
    ),
    row.spread === undefined ? NOTHING : `${(row.spread * 100).toFixed(0)} %`,
    times(row.toPlain),
    times(row.toVxlan),
    times(row.toBest),
    ...(hasBytes(scenario)
      ? [digits(row.cpuPerGb), times(row.cpuToPlain), digits(row.machineCpuPerGb)]
      : []),
    digits(row.rssMb),
  ]
}

/** Returns whether the scenario measures throughput, also next to other figures. */
function hasBytes({ metrics }: Table['scenario']): boolean {
  return metrics.some(({ better }) => better === 'more')
}
