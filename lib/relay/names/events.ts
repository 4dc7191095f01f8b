import type { RelayEvent, RelayEventFields } from '../events.ts'
import type { Refused } from './choose.ts'

/** The kinds of events about names. */
type NameEventKind = Extract<keyof RelayEventFields, `name-${string}`>

/** An event about a name. */
export type NameEvent = Extract<RelayEvent, { readonly kind: NameEventKind }>

/**
 * Returns why a look-up for an address of a family failed: a part of a sentence. `failure` is a name of
 * getaddrinfo(3), or `ENOTFOUND`.
 */
export function reasonOf(failure: string, family: 4 | 6 | undefined): string {
  if (failure !== 'ENOTFOUND') return `the resolver failed (${failure})`
  return `no ${family === undefined ? '' : `IPv${family} `}address is known for this name`
}

/** Returns the event of a name whose first address is waited for. */
export function nameWaiting(name: string, reason: string): NameEvent {
  return { kind: 'name-waiting', name, message: `waiting for DNS: ${name}: ${reason}` }
}

/** Returns the event of a name that cannot be looked up any more. */
export function nameFailed(name: string, reason: string, present: string): NameEvent {
  const message = `look up ${name} again: ${reason}: datagrams still go to ${present}`
  return { kind: 'name-failed', name, message }
}

/** Returns the event of a name that can be looked up again. */
export function nameRecovered(name: string, address: string): NameEvent {
  return { kind: 'name-recovered', name, message: `${name} has an address again: ${address}` }
}

/** Returns the event of a name whose address changed. */
export function nameChanged(name: string, previous: string, address: string): NameEvent {
  const message = `the address of ${name} changed from ${previous} to ${address}`
  return { kind: 'name-changed', name, previous, address, message }
}

/** Returns the event of a name whose new address cannot be used. Without `present` it has no other one. */
export function nameRefused(
  name: string,
  { address, reason }: Refused,
  present: string | undefined,
): NameEvent {
  const end = present === undefined ? 'no datagrams are sent' : `datagrams still go to ${present}`
  const message = `the new address ${address} of ${name} is not used: ${reason}: ${end}`
  return { kind: 'name-refused', name, address, message }
}
