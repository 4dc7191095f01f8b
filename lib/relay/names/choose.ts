import { messageOf } from '../../errors.ts'
import { checkPeerAddress } from '../peer.ts'

/** An address that a peer cannot have. */
export interface Refused {
  readonly address: string
  /** Why: a part of a sentence. */
  readonly reason: string
}

/** Returns an address that a name has as the relay uses it, or why a peer cannot have it. */
export function checkAnswer(address: string): string | Refused {
  try {
    return checkPeerAddress(address)
  } catch (error) {
    // `Invalid peer "…": expected …`
    return { address, reason: messageOf(error).replace(/^.*?: expected /u, 'expected ') }
  }
}
