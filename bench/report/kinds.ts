import type { Path } from '../lane/path.ts'
import type { PeerKind } from '../peers/peer.ts'

/** The names of the kinds of peers in pages and plots. */
export const KIND_NAMES: Readonly<Record<PeerKind, string>> = {
  ours: 'this project',
  user: 'user space',
  composite: 'user space, composite',
  kernel: 'kernel',
}

/** The descriptions of the paths in pages. */
export const PATH_NAMES: Readonly<Record<Path, string>> = {
  loopback: 'loopback of one host',
  routed: 'routed: host, router, host, over virtual Ethernet links',
}
