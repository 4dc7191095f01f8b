import type { RelayEvent } from '../../index.ts'

/** Returns the state that the service manager shows after an event (sd_notify(3)), if it changes. */
export function stateOf(event: RelayEvent): string | undefined {
  if (event.kind === 'name-waiting') return `STATUS=${event.message}`
  // Clears the text.
  return event.kind === 'name-recovered' ? 'STATUS=' : undefined
}
