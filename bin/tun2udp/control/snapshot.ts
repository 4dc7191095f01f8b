import {
  type Netlink,
  type PeerState,
  type Relay,
  type RelayInfo,
  type RelayStats,
  openNetlink,
} from '../../../index.ts'
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
  /** The present state of the interface. Absent if it cannot be read. */
  readonly interface?: InterfaceFacts
  /** The reasons why packets do not pass, and what to do, as `relay.diagnose()` of the library. */
  readonly problems: readonly string[]
}

/** The state of the interface, from the kernel. */
export interface InterfaceFacts {
  /** Whether it is administratively up. */
  readonly up: boolean
  /** Operational state by RFC 2863: `up`, `down`, `unknown`, … */
  readonly operState: string
  /** MTU, bytes. */
  readonly mtu: number
  /** The most packets that wait for the relay. */
  readonly txQueueLength: number
  /** How often the carrier appeared or disappeared. */
  readonly carrierChanges: number
  /** Packets that the kernel dropped because the queue of the interface was full. */
  readonly txDropped: number
  /** Packets that the kernel dropped after the relay wrote them. */
  readonly rxDropped: number
}

/** Reads the state of the interface of a relay, in the network namespace of the interface. */
export class InterfaceReader {
  readonly #netns: string | number | undefined
  #session: Promise<Netlink | undefined> | undefined

  /** @param netns the namespace; absent if it is that of the process. */
  constructor(netns?: string | number) {
    this.#netns = netns
  }

  /**
   * Opens the session. Without this call it is opened by the first reading, when the process may have dropped the
   * privilege to enter the namespace.
   */
  async open(): Promise<Netlink | undefined> {
    // Without a session the state is left out.
    this.#session ??= openNetlink({ netns: this.#netns }).catch(() => undefined)
    return this.#session
  }

  /** Returns the state; nothing if it cannot be read. */
  async read(ifIndex: number): Promise<InterfaceFacts | undefined> {
    try {
      const session = await this.open()
      const link = await session?.links.get(ifIndex)
      if (!link) return undefined
      const { up, operState, mtu, txQueueLength, carrierChanges, stats } = link
      const { txDropped = 0, rxDropped = 0 } = stats ?? {}
      return {
        up,
        operState: String(operState),
        mtu,
        txQueueLength,
        carrierChanges,
        txDropped,
        rxDropped,
      }
    } catch {
      return undefined
    }
  }
}

/** Returns the state of a relay. */
export async function takeSnapshot(
  relay: Relay,
  { startedAtMs, reader }: { readonly startedAtMs: number; readonly reader: InterfaceReader },
): Promise<Snapshot> {
  const facts = await reader.read(relay.info.interface.ifIndex)
  return {
    version: VERSION,
    pid: process.pid,
    uptimeMs: Math.round(performance.now() - startedAtMs),
    info: relay.info,
    stats: relay.stats(),
    peers: relay.peers.list(),
    ...(facts && { interface: facts }),
    problems: relay.diagnose(),
  }
}
