import { versionOf } from '../native/tools.ts'
import type { Peer } from './peer.ts'

/** A minimal forwarder: a loop in C with one system call per packet and direction. */
export const plain: Peer = {
  id: 'plain',
  title: 'plain C loop',
  kind: 'user',
  isRoutable: true,
  async prepare({ tools }) {
    const compiler = await versionOf('cc', ['--version'])
    return {
      version: `bench/native/plain.c, ${compiler ?? 'cc'}`,
      open: (lane) =>
        lane.join(({ port, peerPort, address, peerAddress }, device) => [
          ...[tools.plain, device, String(port), String(peerPort), address, peerAddress],
        ]),
    }
  },
}
