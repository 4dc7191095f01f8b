import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { command, makeNamespace, removeNamespace } from './command.ts'
import { End } from './end.ts'
import { JsonProcess } from './process.ts'
import { FAR, NEAR } from '../tunnel.ts'

const HOST = fileURLToPath(new URL('host.mjs', import.meta.url))

/** The mishaps occur one after the other, at these intervals. */
const MISHAP_EVERY_MS = 1000
/** Time for which an interface is down, or a relay does not run. */
const DOWN_MS = 150
/** Duration of the traffic without mishaps at the end. After it, no datagram may be missing. */
const CALM_MS = 3000

/** Counters of a host for one of its addresses. */
export interface HostCounts {
  tcpSent: number
  tcpReceived: number
  connections: number
  udpSent: number
  udpEchoed: number
  corrupted: number
}

/** The result of a soak. */
export interface SoakReport {
  /** Failures; empty if there were none. */
  problems: string[]
  flaps: number
  restarts: number
  kills: number
  /** Relays whose counters were compared with the kernel's. */
  accounts: number
  /** Counters by the host's own address. */
  hosts: Record<string, HostCounts>
}

/**
 * Runs mixed traffic, TCP and UDP over IPv4 and IPv6 in both directions, through two relays, while interfaces
 * go down and up and relays are restarted or killed. A calm period follows.
 */
export async function soak(
  seconds: number,
  onProgress: (text: string) => void = () => undefined,
): Promise<SoakReport> {
  const tag = randomBytes(4).toString('hex')
  const names = ['near', 'far', 'wire'].map((name) => `soak-${tag}-${name}`)
  const made: string[] = []
  const ends: End[] = []
  try {
    for (const name of names) {
      await makeNamespace(name)
      made.push(name)
    }
    const [near = '', far = '', wire = ''] = names
    ends.push(
      new End({ namespace: near, wire, addresses: NEAR, sendPort: 5002, receivePort: 5001 }),
      new End({ namespace: far, wire, addresses: FAR, sendPort: 5001, receivePort: 5002 }),
    )
    return await new Soak(ends as [End, End], wire).run(seconds, onProgress)
  } finally {
    for (const end of ends) end.dispose()
    for (const name of made) await removeNamespace(name)
  }
}

class Soak {
  readonly #ends: [End, End]
  readonly #wire: string
  readonly #report: SoakReport = {
    problems: [],
    flaps: 0,
    restarts: 0,
    kills: 0,
    accounts: 0,
    hosts: {},
  }

  constructor(ends: [End, End], wire: string) {
    this.#ends = ends
    this.#wire = wire
  }

  async run(seconds: number, onProgress: (text: string) => void): Promise<SoakReport> {
    for (const end of this.#ends) {
      await end.create()
      await end.start()
    }
    await this.#traffic(async () => {
      await this.#mishaps(seconds * 1000 - CALM_MS, onProgress)
    })
    await this.#calm()
    for (const end of this.#ends) {
      this.#report.accounts += end.accounts
      this.#report.problems.push(...end.problems)
    }
    return this.#report
  }

  /** Runs traffic during this time, and adds up its results. */
  async #traffic(meanwhile: () => Promise<void>): Promise<void> {
    const own = [NEAR, FAR].map((addresses) => addresses.map((one) => one.split('/')[0] ?? ''))
    const hosts = this.#ends.map((end, index) => {
      const [mine, peers] = [own[index] ?? [], own[1 - index] ?? []]
      const pairs = mine.flatMap((address, family) => [address, peers[family] ?? ''])
      return new JsonProcess(end.options.namespace, process.execPath, HOST, ...pairs)
    })
    try {
      await Promise.all(hosts.map((host) => host.expect()))
      await meanwhile()
      for (const host of hosts) host.child.stdin?.end()
      for (const host of hosts) {
        for (const [address, counts] of Object.entries((await host.expect()) as object)) {
          this.#addHost(address, counts as HostCounts)
        }
      }
    } finally {
      for (const host of hosts) host.child.kill('SIGKILL')
    }
  }

  #addHost(address: string, counts: HostCounts): void {
    const { tcpReceived, udpEchoed, corrupted } = counts
    if (corrupted > 0) this.#report.problems.push(`${address}: ${corrupted} were not what was sent`)
    if (tcpReceived === 0) this.#report.problems.push(`${address}: nothing came over TCP`)
    if (udpEchoed === 0) this.#report.problems.push(`${address}: nothing came over UDP`)
    const sum = this.#report.hosts[address]
    if (!sum) this.#report.hosts[address] = counts
    else for (const key of Object.keys(sum) as (keyof HostCounts)[]) sum[key] += counts[key]
  }

  async #mishaps(durationMs: number, onProgress: (text: string) => void): Promise<void> {
    const deadline = Date.now() + durationMs
    for (let number = 0; Date.now() < deadline; number++) {
      await sleep(MISHAP_EVERY_MS)
      const end = this.#ends[number % 2]
      if (!end) continue
      const kind = ['flap', 'flap', 'restart', 'flap', 'kill'][number % 5]
      if (kind === 'flap') {
        await end.flap(DOWN_MS)
        this.#report.flaps++
        continue
      }
      if (kind === 'restart') {
        await end.stop()
        this.#report.restarts++
      } else {
        await end.kill()
        this.#report.kills++
      }
      await sleep(DOWN_MS)
      await end.start()
      const { flaps, restarts, kills } = this.#report
      const left = Math.max(0, Math.round((deadline - Date.now()) / 1000))
      onProgress(`${flaps} flaps, ${restarts} restarts, ${kills} kills; ${left} s to go`)
    }
  }

  /** Starts new relays with all offloads. Each receives all datagrams that the other sends. */
  async #calm(): Promise<void> {
    for (const end of this.#ends) await end.stop()
    const before = await this.#lostOnTheWire()
    for (const end of this.#ends) await end.start(0)
    await this.#traffic(async () => {
      await sleep(CALM_MS)
    })
    // Packets in flight arrive, since both relays sleep by then.
    await sleep(500)
    const [near, far] = [await this.#ends[0].stop(), await this.#ends[1].stop()]
    const lost = (await this.#lostOnTheWire()) - before
    const ways: [string, number, number][] = [
      ['near to far', near.outbound.datagramsSent, far.inbound.datagramsReceived],
      ['far to near', far.outbound.datagramsSent, near.inbound.datagramsReceived],
    ]
    for (const [way, sent, received] of ways) {
      if (lost === 0 ? sent === received : sent >= received) continue
      this.#report.problems.push(
        `${way}: ${sent} sent, ${received} received, ${lost} lost by the kernel`,
      )
    }
    for (const { outbound, inbound } of [near, far]) {
      if (outbound.superPacketsRead > 0 && inbound.superPacketsWritten > 0) continue
      this.#report.problems.push('no super-packet went through a relay with every shortcut')
    }
  }

  /**
   * Returns the number of datagrams that no socket accepted or had room for, as far as the kernel counts
   * them: a GSO batch counts once.
   */
  async #lostOnTheWire(): Promise<number> {
    const text = await command(this.#wire)('cat', '/proc/net/snmp')
    const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Udp:'))
    const counts = values.split(' ')
    const counted = (name: string) => Number(counts[names.split(' ').indexOf(name)])
    return counted('RcvbufErrors') + counted('NoPorts') + counted('MemErrors')
  }
}
