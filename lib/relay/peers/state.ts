import type { NativePeerState, PathMtu } from '#binding'
import type { UdpEndpoint } from '../info.ts'
import { type CheckedPeer, EVERYTHING } from './options.ts'

/** Datagrams exchanged with a peer. */
export interface PeerTraffic {
  /** Datagrams to the peer that the kernel took for sending. */
  readonly datagramsSent: number
  /** Bytes of payload in them. */
  readonly bytesSent: number
  /** Packets to the peer that were dropped, for any cause. */
  readonly outboundDropped: number
  /** Datagrams from the peer, including those whose packets were dropped. */
  readonly datagramsReceived: number
  /** Bytes of payload in them. */
  readonly bytesReceived: number
  /** Datagrams from the peer that were dropped, for any cause except a refusal of the interface. */
  readonly inboundDropped: number
  /** Packets from the peer whose source is not in its networks. `inboundDropped` includes them. */
  readonly foreignPrefix: number
  /** Time since the last datagram from the peer, milliseconds. Absent: there was none. */
  readonly silentForMillis?: number
}

/** The state of a peer. */
export interface PeerState {
  /** Its name. */
  readonly name: string
  /** The address and port that datagrams are sent to. */
  readonly endpoint: UdpEndpoint
  /** Its inner networks. */
  readonly allowedPrefixes: readonly string[]
  /** Interval of keepalives, seconds; 0: none. */
  readonly keepaliveSeconds: number
  /** Whether the port of its endpoint is followed. `false` for a single peer that gets every packet. */
  readonly followPort: boolean | 'auto'
  /** The MTU of the path to it. Absent if it is unknown. */
  readonly pathMtu?: PathMtu
  /**
   * Whether datagrams from it arrive. Absent without keepalives, and until the first one arrived or three intervals have
   * passed.
   */
  readonly isUp?: boolean
  /** Datagrams exchanged with it. Absent for a single peer that gets every packet: `relay.stats()` counts them. */
  readonly traffic?: PeerTraffic
}

/** Returns the public form of the state of a peer; nothing if it has no endpoint. */
export function toState(peer: CheckedPeer, state: NativePeerState | undefined): PeerState[] {
  // A peer without an address is not known to the native layer.
  const endpoint = state ?? peer.endpoints[0]
  if (!endpoint) return []
  const { address, port } = endpoint
  return [
    {
      name: peer.name,
      endpoint: { address, port },
      allowedPrefixes: [...(peer.allowedPrefixes ?? EVERYTHING)],
      keepaliveSeconds: peer.keepaliveSeconds ?? 0,
      followPort: followPortOf(peer, state),
      ...(state?.pathMtu && { pathMtu: state.pathMtu }),
      ...(state?.isUp === undefined ? {} : { isUp: state.isUp }),
      ...(state?.traffic && { traffic: state.traffic }),
    },
  ]
}

/** Returns whether the port of a peer is followed. That of a single peer that gets every packet, without counters, is not. */
function followPortOf(
  { followPort = 'auto' }: CheckedPeer,
  state: NativePeerState | undefined,
): boolean | 'auto' {
  return state && !state.traffic ? false : followPort
}
