import type { PeerKind } from '../peers/peer.ts'

/** What a kind of peer is called in pages and plots. */
export const KIND_NAMES: Readonly<Record<PeerKind, string>> = {
  ours: 'this project',
  user: 'user space',
  composite: 'user space, composite',
  kernel: 'kernel',
}
