import { buildGo } from '../native/go.ts'
import type { Peer } from './peer.ts'

/** A forwarder in Go over wireguard/tun, with its super-packets, and batches of datagrams. */
export const goWireguard = wireguard(
  { id: 'go-wireguard', title: 'Go, wireguard/tun', kind: 'user' },
  'mmsg',
)

/** wireguard-go without its encryption: its device and its transport, with GSO batches. */
export const goWireguardConn = wireguard(
  { id: 'go-wireguard-conn', title: 'Go, wireguard/tun and conn', kind: 'composite' },
  'conn',
)

/** A forwarder in Go over songgao/water, one packet per call. */
export const goWater: Peer = {
  id: 'go-water',
  title: 'Go, songgao/water',
  kind: 'user',
  async prepare({ signal }) {
    const { path, version } = await buildGo('go-water', 'github.com/songgao/water', '.', signal)
    return {
      version,
      open: (lane) =>
        lane.join(({ port, peerPort }, device) => [path, device, String(port), String(peerPort)]),
    }
  },
}

function wireguard(name: Pick<Peer, 'id' | 'title' | 'kind'>, mode: 'mmsg' | 'conn'): Peer {
  return {
    ...name,
    async prepare({ signal }) {
      const module = 'golang.zx2c4.com/wireguard'
      const { path, version } = await buildGo('go-wireguard', module, '.', signal)
      return {
        version,
        open: (lane) =>
          lane.join(({ port, peerPort }, device) => [
            ...[path, mode, device, String(lane.mtu), String(port), String(peerPort)],
          ]),
      }
    },
  }
}
