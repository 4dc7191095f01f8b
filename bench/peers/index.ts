import { fileURLToPath } from 'node:url'
import { goWater, goWireguard, goWireguardConn } from './go.ts'
import { hub } from './hub.ts'
import { veth, vxlan } from './kernel.ts'
import { nodeFs } from './nodeFs.ts'
import { ours } from './ours.ts'
import type { Peer } from './peer.ts'
import { plain } from './plain.ts'
import { socat } from './socat.ts'
import { tunRs, tunRsGso } from './tunRs.ts'
import { wireguardGo } from './wireguardGo.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** All who take part, in the order of the tables. */
export const PEERS: readonly Peer[] = [
  veth,
  vxlan,
  ours({ id: 'tun2udp', tree: ROOT, options: [] }),
  hub(ROOT),
  plain,
  goWireguardConn,
  goWireguard,
  tunRsGso,
  wireguardGo,
  tunRs,
  goWater,
  socat,
  nodeFs,
]
