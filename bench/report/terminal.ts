import CliTable from 'cli-table3'
import type { Results } from '../results.ts'
import { cellsOf, headOf, titleOf } from './cells.ts'
import { floorsOf } from './floors.ts'
import { summarise } from './summary.ts'

/** The results for a terminal. */
export function terminalReport(results: Results): string {
  const parts = summarise(results).map((table) => {
    const head = headOf(table)
    const colAligns = head.map((_, index) => (index === 0 ? 'left' : 'right'))
    const view = new CliTable({ head, colAligns, style: { head: [], border: [] } })
    view.push(...table.rows.map((row) => cellsOf(row, table)))
    return `${titleOf(table, results)}\n${view.toString()}`
  })
  const failed = results.samples.flatMap(({ scenario, peer, mtu, round, error }) =>
    error === undefined
      ? []
      : [`failed: ${peer}, ${scenario}, MTU ${mtu}, round ${round}: ${error}`],
  )
  const missing = results.peers.flatMap((peer) =>
    peer.missing === undefined ? [] : [`not had: ${peer.title}: ${peer.missing}`],
  )
  const floors = floorsOf(results).flatMap(({ what, floor, measured, isMet }) =>
    isMet === false ? [`floor not reached: ${what}: ${measured}, expected ${floor}`] : [],
  )
  return [...parts, ...failed, ...missing, ...floors].join('\n')
}
