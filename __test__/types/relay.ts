/** Checks the declarations of relays and sessions, as in persistent.ts. */
import {
  type Diagnostic,
  Netlink,
  Relay,
  type RelayDiagnostic,
  type PathMtu,
  type RelayEvent,
  type RelayStats,
  openNetlink,
  startRelay,
} from 'tun2udp'
import type { Expect, Same } from '../support/types.ts'

export type Expected = [
  Expect<Same<ReturnType<typeof startRelay>, Promise<Relay>>>,
  Expect<Same<ReturnType<typeof openNetlink>, Promise<Netlink>>>,
  Expect<Same<Relay['closed'], Promise<void>>>,
  Expect<Same<Relay['isClosed'], boolean>>,
  Expect<Same<ReturnType<Relay['close']>, Promise<void>>>,
  Expect<Same<ReturnType<Relay['stats']>, RelayStats>>,
  Expect<Same<RelayStats['pathMtu'], PathMtu | undefined>>,
  Expect<Same<PathMtu['source'], 'start' | 'route' | 'router'>>,
  Expect<Same<ReturnType<Relay['events']>, AsyncIterableIterator<RelayEvent, undefined>>>,
  Expect<Same<Netlink['closed'], Promise<void>>>,
  Expect<Same<Netlink['isClosed'], boolean>>,
  Expect<Same<ReturnType<Netlink['close']>, Promise<void>>>,
  Expect<Same<RelayDiagnostic, Diagnostic<Relay, RelayEvent>>>,
]

/** The kind distinguishes the fields. */
export async function narrows(relay: Relay, signal: AbortSignal): Promise<void> {
  for await (const event of relay.events({ signal })) {
    if (event.kind === 'gso-off') event.errno.toFixed()
    else if (event.kind === 'events-lost') event.count.toFixed()
    else event.message.trim()
    // @ts-expect-error this kind does not exist
    if (event.kind === 'gso') return
  }
}

export function refused(): void {
  // @ts-expect-error relays come from startRelay()
  new Relay()
  // @ts-expect-error sessions come from openNetlink()
  new Netlink()
  // @ts-expect-error the user of the process is not an option of the library
  void startRelay({ addresses: ['10.0.0.1'], sendPort: 1, receivePort: 2, user: 'nobody' })
}
