import { versionOf } from '../native/tools.ts'
import type { Peer } from './peer.ts'

/** socat(1) between a TUN interface and a connected UDP socket. */
export const socat: Peer = {
  id: 'socat',
  title: 'socat',
  kind: 'user',
  async prepare() {
    const lines = await versionOf('socat', ['-V'], /socat version \S+/u)
    if (lines === undefined) throw new Error('socat is not installed')
    return {
      version: lines,
      open: (lane) =>
        lane.join(({ port, peerPort }, device) => [
          ...['socat', '-b', '65536'],
          `TUN,tun-name=${device},tun-type=tun,iff-no-pi`,
          `UDP4:127.0.0.1:${peerPort},bind=127.0.0.1:${port}`,
        ]),
    }
  },
}
