import { join } from 'node:path'
import { SOURCES } from '../native/cache.ts'
import type { Peer } from './peer.ts'

/** Node without addons. npm packages for TUN interfaces use the descriptor in the same way. */
export const nodeFs: Peer = {
  id: 'node-fs',
  title: 'Node, fs and dgram',
  kind: 'user',
  prepare: ({ tools }) =>
    Promise.resolve({
      version: `bench/native/node-fs.mjs, Node ${process.version}`,
      open: (lane) =>
        lane.join(({ port, peerPort }, device) => [
          ...[tools.withtun, device, process.execPath, join(SOURCES, 'node-fs.mjs')],
          ...[String(port), String(peerPort)],
        ]),
    }),
}
