import { fileURLToPath } from 'node:url'
import { fastd } from './fastd.ts'
import { goWater, goWireguard, goWireguardConn } from './go.ts'
import { hub } from './hub.ts'
import { veth, vxlan } from './kernel.ts'
import { n2n } from './n2n.ts'
import { nodeFs } from './nodeFs.ts'
import { openvpn } from './openvpn.ts'
import { ours } from './ours.ts'
import type { Peer } from './peer.ts'
import { plain } from './plain.ts'
import { socat } from './socat.ts'
import { tinc } from './tinc.ts'
import { tunRs, tunRsGso } from './tunRs.ts'
import { vtun } from './vtun.ts'
import { boringtun, wireguardGo } from './wireguard.ts'

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
  boringtun,
  fastd,
  openvpn,
  tinc,
  vtun,
  n2n,
  tunRs,
  goWater,
  socat,
  nodeFs,
]
