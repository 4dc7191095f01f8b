import type { PeerState } from '../../../index.ts'
import { formatDuration } from '../format.ts'

/** Returns how long ago a datagram of a peer arrived; an empty text if that is not counted. */
export function lastHeard({ traffic, isUp }: PeerState): string {
  const state = isUp === false ? ', down' : ''
  if (traffic?.silentForMillis !== undefined) {
    return `${formatDuration(traffic.silentForMillis)} ago${state}`
  }
  return traffic ? `never${state}` : ''
}
