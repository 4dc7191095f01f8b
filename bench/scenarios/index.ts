import { forwarded } from './forwarded.ts'
import { idle } from './idle.ts'
import { MIXED } from './mixed.ts'
import { rtt } from './rtt.ts'
import type { Scenario } from './scenario.ts'
import { SPARSE } from './sparse.ts'
import { FLOWS, HUB } from './streams.ts'
import { TCP } from './tcp.ts'
import { UDP } from './udp.ts'

/** All scenarios, in the order of the tables. */
export const SCENARIOS: readonly Scenario[] = [
  ...TCP,
  ...FLOWS,
  ...HUB,
  forwarded,
  ...UDP,
  rtt,
  ...SPARSE,
  ...MIXED,
  idle,
]
