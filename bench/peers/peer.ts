import type { Lane } from '../lane/lane.ts'
import type { Star } from '../lane/star.ts'
import type { Tools } from '../native/tools.ts'

/** The kind of a peer. */
export type PeerKind =
  /** This project's relay. */
  | 'ours'
  /** Another forwarder in user space. */
  | 'user'
  /** A forwarder in user space that only this bench has, made of the parts of another tunnel. */
  | 'composite'
  /** Done by the kernel: what user space can only come near to. */
  | 'kernel'

/** A peer that is built or found, and can be started. */
export interface ReadyPeer {
  /** Its version, with what it stands on. */
  readonly version: string
  /** Joins the ends of a lane. */
  open(lane: Lane): Promise<void>
  /** Joins the ends of a star; absent if the peer is measured with two ends only. */
  openStar?(star: Star): Promise<void>
}

/** The tools to build peers. */
export interface Toolbox {
  readonly tools: Tools
  readonly signal: AbortSignal
}

/** One who takes part in the race. */
export interface Peer {
  /** Name on the command line and in the results. */
  readonly id: string
  /** Name in tables and plots. */
  readonly title: string
  readonly kind: PeerKind
  /** Whether the packets are encrypted on the path; by default they are not. */
  readonly encrypts?: boolean
  /** Whether it works on every path; otherwise on loopback only. */
  readonly isRoutable?: boolean
  /** Builds or finds it; rejects with the reason if it is not available. */
  prepare(toolbox: Toolbox): Promise<ReadyPeer>
}
