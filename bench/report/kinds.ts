import type { PeerKind } from '../peers/peer.ts'

/** The names of the kinds of peers in pages and plots. */
export const KIND_NAMES: Readonly<Record<PeerKind, string>> = {
  ours: 'this project',
  user: 'user space',
  composite: 'user space, composite',
  kernel: 'kernel',
}
