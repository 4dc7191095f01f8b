import { fileURLToPath } from 'node:url'
import { veth, vxlan } from './kernel.ts'
import { ours } from './ours.ts'
import type { Peer } from './peer.ts'
import { plain } from './plain.ts'
import { socat } from './socat.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** All who take part, in the order of the tables. */
export const PEERS: readonly Peer[] = [
  veth,
  vxlan,
  ours({ id: 'tun2udp', tree: ROOT, options: [] }),
  plain,
  socat,
]
