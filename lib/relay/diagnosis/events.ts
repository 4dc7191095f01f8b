import type { RelayEvent, RelayEventKind } from '../events.ts'

/** The events that begin and end a state that is a problem. */
const ENDS: Readonly<Partial<Record<RelayEventKind, RelayEventKind>>> = {
  loop: 'loop-ended',
  'name-failed': 'name-recovered',
}

/** The events that are a problem as long as the relay runs. */
const LASTING: ReadonlySet<RelayEventKind> = new Set(['self-peer', 'no-network'])

/** Returns the problems that events have reported and none has ended: one sentence each, of the latest event. */
export function eventProblems(events: readonly RelayEvent[]): string[] {
  const open = new Map<string, string>()
  for (const event of events) {
    const key = `${event.kind} ${subjectOf(event)}`
    if (LASTING.has(event.kind) || ENDS[event.kind]) open.set(key, wordsOf(event))
    for (const [begin, end] of Object.entries(ENDS)) {
      if (event.kind === end) open.delete(`${begin} ${subjectOf(event)}`)
    }
    // The address of a name may be used again, or another one is.
    if (event.kind === 'name-refused') open.set(key, wordsOf(event))
    if (event.kind === 'name-changed') open.delete(`name-refused ${subjectOf(event)}`)
  }
  return [...open.values()]
}

/** Returns the peer that an event is about. */
function subjectOf(event: RelayEvent): string {
  if ('name' in event) return event.name
  return 'address' in event ? event.address : ''
}

function wordsOf(event: RelayEvent): string {
  switch (event.kind) {
    case 'loop':
      return `A route leads the datagrams to the peer ${event.address} into the tunnel itself, so they are dropped. Give the peer a route of its own outside the tunnel: "ip route get ${event.address}" must not show the interface of the tunnel.`
    case 'name-failed':
      return `The name ${event.name} has no address any more, and the last one is still in use (${event.message}). Correct the name, or the name server in /etc/resolv.conf.`
    default:
      return sentence(event.message)
  }
}

/** Returns the message of an event as a sentence. */
function sentence(message: string): string {
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}.`
}
