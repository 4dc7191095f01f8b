import type { Addresses } from './addresses.ts'
import type { Links } from './links.ts'
import type { MonitorKind, NetlinkEvent } from './monitor.ts'
import type { Neighbors } from './neighbors.ts'
import type { Routes } from './routes.ts'
import type { Rules } from './rules.ts'

interface Tables {
  links: Links
  addresses: Addresses
  routes: Routes
  rules: Rules
  neighbors: Neighbors
}

/** Yields all objects of some kinds, in the form of monitor events. */
export async function* readFresh(
  tables: Tables,
  kinds: readonly MonitorKind[],
): AsyncGenerator<NetlinkEvent, void, undefined> {
  const deleted = false
  for (const type of new Set(kinds)) {
    if (type === 'link') {
      for (const link of await tables.links.list()) yield { type, deleted, link }
    } else if (type === 'address') {
      for (const address of await tables.addresses.list()) yield { type, deleted, address }
    } else if (type === 'route') {
      for (const route of await tables.routes.list({ table: 'all' })) yield { type, deleted, route }
    } else if (type === 'rule') {
      for (const rule of await tables.rules.list()) yield { type, deleted, rule }
    } else {
      for (const neighbor of await tables.neighbors.list()) yield { type, deleted, neighbor }
    }
  }
}
