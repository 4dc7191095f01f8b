import { setTimeout as delay } from 'node:timers/promises'
import type { InterfaceState, PeerState, Relay, RelayInfo, RelayStats } from '../../../index.ts'
import { VERSION } from '../../../lib/native/version.ts'

/** The state of a running relay: the result of the method `show`. */
export interface Snapshot {
  /** Version of the package. */
  readonly version: string
  /** Process id of the relay. */
  readonly pid: number
  /** Time since the relay was ready, milliseconds. */
  readonly uptimeMs: number
  /** The state after the start, as `relay.info` of the library. */
  readonly info: RelayInfo
  /** The counters, as `relay.stats()` of the library. */
  readonly stats: RelayStats
  /** The peers, as `relay.peers.list()` of the library. */
  readonly peers: readonly PeerState[]
  /** The present state of the interface, as `relay.interfaceState()` of the library. Absent if it cannot be read. */
  readonly interface?: InterfaceState
  /** The reasons why packets do not pass, and what to do, as `relay.diagnose()` of the library. */
  readonly problems: readonly string[]
}

/** How often the state of the interface is asked for, if the kernel has not replied yet, and the pause between. */
const ATTEMPTS = 20
const PAUSE_MS = 5

/** Returns the state of a relay. */
export async function takeSnapshot(relay: Relay, startedAtMs: number): Promise<Snapshot> {
  const state = await interfaceOf(relay)
  return {
    version: VERSION,
    pid: process.pid,
    uptimeMs: Math.round(performance.now() - startedAtMs),
    info: relay.info,
    stats: relay.stats(),
    peers: relay.peers.list(),
    ...(state && { interface: state }),
    problems: relay.diagnose(),
  }
}

/** Returns the state of the interface; nothing if it cannot be read. Only the first reading waits for the kernel. */
async function interfaceOf(relay: Relay): Promise<InterfaceState | undefined> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    const state = relay.interfaceState()
    if (state || relay.isClosed) return state
    await delay(PAUSE_MS)
  }
  return relay.interfaceState()
}
