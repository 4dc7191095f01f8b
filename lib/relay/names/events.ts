import type { RelayEvent, RelayEventFields } from '../events.ts'

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

/** Returns the event of a start that waits until a name has an address. */
export function nameWaiting(name: string, reason: string, advice: string): NameEvent {
  const message = `waiting for DNS: ${name}: ${reason}; ${advice}`
  return { kind: 'name-waiting', name, message }
}

/** Returns the event of a name that can be looked up again. */
export function nameRecovered(name: string, address: string): NameEvent {
  return { kind: 'name-recovered', name, message: `${name} has an address again: ${address}` }
}
