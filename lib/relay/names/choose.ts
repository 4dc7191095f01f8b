import { rangeOf } from '../../check/address.ts'
import { messageOf } from '../../errors.ts'
import { checkPeerAddress, familyOfPeer } from '../peer.ts'

/** The conditions for a new address of a peer. */
export interface Choice {
  /** The address in use, if there is one. */
  readonly present?: string | undefined
  /** The only family that the peer may have. */
  readonly family?: 4 | 6 | undefined
}

/** An address that a peer cannot have. */
export interface Refused {
  readonly address: string
  /** Why: a part of a sentence. */
  readonly reason: string
}

/** The chosen address, and the addresses that were refused. There is no choice if all are refused. */
export interface Chosen {
  readonly address?: string
  readonly refused: readonly Refused[]
}

/**
 * Chooses one of the addresses of a name. The present address is kept if it is among them, so that name servers that
 * change the order do not move the tunnel. Otherwise it is the first acceptable one of the present family, and if there
 * is no such address, the first acceptable one.
 */
export function chooseAddress(addresses: readonly string[], choice: Choice): Chosen {
  const { present, family } = choice
  const accepted: string[] = []
  const refused: Refused[] = []
  for (const given of addresses) {
    const result = accept(given, present)
    const isWanted = family === undefined || familyOfPeer(addressOf(result)) === family
    if (!isWanted) continue
    if (typeof result === 'string') accepted.push(result)
    else refused.push(result)
  }
  const isPresentFamily = (one: string) => familyOfPeer(one) === familyOfPeer(present ?? '')
  const address =
    accepted.find((one) => one === present) ?? accepted.find(isPresentFamily) ?? accepted[0]
  return { ...(address === undefined ? {} : { address }), refused }
}

function addressOf(result: string | Refused): string {
  return typeof result === 'string' ? result : result.address
}

/** Returns the address as the relay uses it, or why it is refused. */
function accept(given: string, present: string | undefined): string | Refused {
  const address = checkAnswer(given)
  if (typeof address !== 'string') return address
  // The socket, the MTU and the limits of a relay depend on it.
  if (present === undefined || isLoopback(address) === isLoopback(present)) return address
  const reason = isLoopback(address)
    ? 'it is a loopback address, and the present one is not'
    : 'it is not a loopback address, and the present one is'
  return { address: given, reason }
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

/** Returns whether an address is one of loopback. */
export function isLoopback(address: string): boolean {
  const [literal = ''] = address.split('%')
  return rangeOf(literal) === 'loopback'
}
