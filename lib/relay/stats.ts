import type { RelayStats } from '#binding'
import type { CounterDescription } from './counters.ts'

/** The counters of the native layer: crate/core/src/relay/counters.rs has the names, the units and the texts. */
export type {
  InboundDrops,
  InboundStats,
  OffloadStatus,
  OutboundDrops,
  OutboundStats,
  PathMtu,
  RelayStats,
} from '#binding'

/** Returns the value of a counter; 0 if the counters are those of a version that does not have it. */
export function valueOf(
  stats: RelayStats,
  { direction, name, isDrop }: CounterDescription,
): number {
  const counters = stats[direction]
  const values: unknown = isDrop ? counters.dropped : counters
  return (values as Readonly<Record<string, number | undefined>>)[name] ?? 0
}
