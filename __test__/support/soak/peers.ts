import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Relay, type TestHost, testNetwork } from '../../../index.ts'
import { freeUdpPort } from '../ports.ts'
import { interfaceCounts, problemsOf } from './counters.ts'
import { type Resources, leaks, resources } from './resources.ts'
import { HEADER_BYTES, Spoke, type SpokeCounts } from './spoke.ts'

/** The number of peers if all are there. */
const PEERS = 50
/** Datagrams of one burst, and the pause after it. */
const BURST = 20
const BURST_PAUSE_MS = 3
/** Pause between two changes of the peers. */
const CHANGE_PAUSE_MS = 15
/** Duration of the traffic without changes at the end, after which the counters of each peer are compared. */
const CALM_MS = 2000
/** Part of the time after which the resources are measured for the first time. */
const WARM_UP = 0.2
/** Counters that do not change for this time are final. */
const QUIET_MS = 300
const PORT = 7
const HUB = '10.9.0.1'

/** The result. */
export interface PeersReport {
  /** Failures; empty if there were none. */
  problems: string[]
  /** Changes of the peers by their kind. */
  changes: Record<ChangeKind, number>
  sent: number
  echoed: number
  /** Comparisons of counters. */
  accounts: number
  /** The resources of the process after the first part of the time, and at the end. */
  before?: Resources
  after?: Resources
}

const KINDS = ['remove', 'add', 'move', 'networks', 'replace'] as const
type ChangeKind = (typeof KINDS)[number]

/** Runs traffic between a hub and peers that are added, changed and removed all the time. */
export async function soakPeers(
  seconds: number,
  onProgress: (text: string) => void = () => undefined,
): Promise<PeersReport> {
  const network = await testNetwork({ hosts: { hub: {} } })
  try {
    return await new PeersSoak(network.hosts.hub).run(seconds, onProgress)
  } finally {
    await network.close()
  }
}

class PeersSoak {
  readonly #host: TestHost
  readonly #spokes: Spoke[] = []
  /** The spokes that are peers of the hub. */
  readonly #present = new Set<Spoke>()
  readonly #report: PeersReport = {
    problems: [],
    changes: { remove: 0, add: 0, move: 0, networks: 0, replace: 0 },
    sent: 0,
    echoed: 0,
    accounts: 0,
  }

  constructor(host: TestHost) {
    this.#host = host
  }

  async run(seconds: number, onProgress: (text: string) => void): Promise<PeersReport> {
    const port = await freeUdpPort('127.0.0.1', (type) => this.#host.createSocket(type))
    for (let number = 1; number <= PEERS; number++) {
      const spoke = new Spoke(this.#host, number, port)
      await spoke.move()
      this.#spokes.push(spoke)
      this.#present.add(spoke)
    }
    const relay = await this.#host.startRelay({
      addresses: [`${HUB}/16`],
      routes: ['10.20.0.0/16'],
      listen: { address: '127.0.0.1', port },
      peers: this.#spokes.map((spoke) => spoke.peer()),
    })
    const inside = await this.#inside()
    const lostBefore = await this.#lost()
    const busyMs = seconds * 1000 - CALM_MS
    await this.#traffic(inside, this.#changes(relay, busyMs * WARM_UP, onProgress))
    const before = (this.#report.before = resources())
    await this.#traffic(inside, this.#changes(relay, busyMs * (1 - WARM_UP), onProgress))
    await this.#calm(relay, inside)
    const after = (this.#report.after = resources())
    this.#report.problems.push(...leaks(before, after))
    await this.#account(relay, (await this.#lost()) - lostBefore)
    inside.close()
    for (const spoke of this.#spokes) spoke.close()
    await relay.close()
    return this.#report
  }

  /** Opens the socket of the hub's own traffic. */
  async #inside(): Promise<Socket> {
    const socket = this.#host.createSocket('udp4')
    socket.on('message', (payload, from) => {
      this.#report.echoed++
      const isEcho = payload.every((byte) => byte === payload.length % 256)
      if (!isEcho) this.#report.problems.push(`the echo of ${from.address} is not what was sent`)
    })
    socket.bind(PORT, HUB)
    await once(socket, 'listening')
    return socket
  }

  /** Sends bursts to all spokes, present or not, until `meanwhile` is done. */
  async #traffic(inside: Socket, meanwhile: Promise<void>): Promise<void> {
    const state = { isOver: false }
    const done = meanwhile.finally(() => (state.isOver = true))
    while (!state.isOver) {
      for (let number = 0; number < BURST; number++) {
        const bytes = 1 + Math.floor(Math.random() * 1400)
        inside.send(Buffer.alloc(bytes, bytes % 256), PORT, this.#any().address(isHeads()))
        this.#report.sent++
      }
      this.#any().sendUnasked(Buffer.alloc(HEADER_BYTES, 0x45))
      await sleep(BURST_PAUSE_MS)
    }
    await done
    await this.#quiet()
  }

  /** Adds, changes and removes peers at random for a time. */
  async #changes(
    relay: Relay,
    durationMs: number,
    onProgress: (text: string) => void,
  ): Promise<void> {
    const deadline = Date.now() + durationMs
    for (let number = 0; Date.now() < deadline; number++) {
      await sleep(CHANGE_PAUSE_MS)
      const kind = KINDS[number % KINDS.length] ?? 'add'
      await this.#change(relay, kind)
      this.#report.changes[kind]++
      if (number % 500 === 0) {
        const left = Math.max(0, Math.round((deadline - Date.now()) / 1000))
        onProgress(`${number} changes, ${this.#report.echoed} echoes; ${left} s to go`)
      }
    }
  }

  /** Makes a change, if the chosen spoke allows it. */
  async #change({ peers }: Relay, kind: ChangeKind): Promise<void> {
    const spoke = this.#any()
    if (kind === 'replace') await this.#replace(peers)
    else if (kind === 'move') await spoke.move()
    else if (kind === 'add' && !this.#present.has(spoke)) {
      await peers.add(spoke.peer())
      this.#present.add(spoke)
    }
    if (!this.#present.has(spoke)) return
    const { name = '', endpoint } = spoke.peer()
    if (kind === 'move') await peers.set(name, { endpoint })
    else if (kind === 'networks') {
      await peers.set(name, { allowedPrefixes: spoke.networks.slice(0, 1) })
      await peers.set(name, { allowedPrefixes: spoke.networks })
    } else if (kind === 'remove' && this.#present.size > 1) {
      await peers.remove(name)
      this.#present.delete(spoke)
    }
  }

  /** Replaces all peers at once. Most of them stay. */
  async #replace(peers: Relay['peers']): Promise<void> {
    const wanted = this.#spokes.filter((one) =>
      this.#present.has(one) ? Math.random() < 0.8 : isHeads(),
    )
    if (wanted.length === 0) return
    await peers.replace(wanted.map((one) => one.peer()))
    this.#present.clear()
    for (const one of wanted) this.#present.add(one)
  }

  /** Runs traffic with all peers and no changes, and compares the counters of each peer with its own. */
  async #calm(relay: Relay, inside: Socket): Promise<void> {
    await relay.peers.replace(this.#spokes.map((spoke) => spoke.peer()))
    await this.#quiet()
    const [stats, lost] = [relay.stats(), await this.#lost()]
    const own = this.#spokes.map(({ counts }) => ({ ...counts }))
    const before = relay.peers.list().map(({ traffic }) => traffic)
    await this.#traffic(inside, sleep(CALM_MS))
    const isLossless = (await this.#lost()) === lost
    let [sent, received] = [0, 0]
    for (const [index, { name, traffic }] of relay.peers.list().entries()) {
      const [counts, first, started] = [this.#spokes[index]?.counts, own[index], before[index]]
      if (!counts || !first || !started || !traffic) throw new Error(`${name} has no counters`)
      const ways: [string, number, number][] = [
        ['to', traffic.datagramsSent - started.datagramsSent, counts.received - first.received],
        ['from', traffic.datagramsReceived - started.datagramsReceived, counts.sent - first.sent],
      ]
      this.#compare(ways, name, isLossless)
      sent += traffic.datagramsSent - started.datagramsSent
      received += traffic.datagramsReceived - started.datagramsReceived
    }
    const { outbound, inbound } = relay.stats()
    const sums: [string, number, number][] = [
      ['to', outbound.datagramsSent - stats.outbound.datagramsSent, sent],
      ['from', inbound.datagramsReceived - stats.inbound.datagramsReceived, received],
    ]
    this.#compare(sums, 'all peers', true)
  }

  #compare(ways: [string, number, number][], name: string, isExact: boolean): void {
    this.#report.accounts++
    for (const [way, hub, spoke] of ways) {
      // A datagram that was lost is missing at its destination.
      const isLoss = way === 'to' ? hub > spoke : hub < spoke
      if (hub === spoke || (isLoss && !isExact)) continue
      this.#report.problems.push(`${way} ${name}: ${hub} at the hub, ${spoke} at the spoke`)
    }
  }

  /** Compares the counters of the relay with those of the interface and of all spokes. */
  async #account(relay: Relay, lost: number): Promise<void> {
    const { name } = relay.info.interface
    const { stdout } = await this.#host.run('ip', ['-s', '-json', 'link', 'show', name])
    const stats = relay.stats()
    const after = interfaceCounts(stdout)
    this.#report.accounts++
    this.#report.problems.push(...problemsOf(stats, { written: 0, read: 0 }, after))
    const sum = (name: keyof SpokeCounts) =>
      this.#spokes.reduce((total, { counts }) => total + counts[name], 0)
    const sums: [string, number, number][] = [
      ['to', stats.outbound.datagramsSent, sum('received')],
      ['to', stats.outbound.keepalivesSent, sum('keepalives')],
      ['from', stats.inbound.datagramsReceived, sum('sent')],
    ]
    this.#compare(sums, 'all spokes', lost === 0)
    if (sum('keepalives') === 0) this.#report.problems.push('no keepalive was sent')
    for (const { number, misrouted } of this.#spokes) {
      if (misrouted > 0) this.#report.problems.push(`spoke ${number}: ${misrouted} were for others`)
    }
    if (this.#report.echoed === 0) this.#report.problems.push('nothing was echoed')
  }

  /** Waits until no spoke sends or receives any more. */
  async #quiet(): Promise<void> {
    const add = (sum: number, { counts: { sent, received } }: Spoke) => sum + sent + received
    const all = () => this.#spokes.reduce(add, this.#report.echoed)
    for (let before = -1; before !== all();) {
      before = all()
      await sleep(QUIET_MS)
    }
  }

  /** Returns the number of datagrams that no socket accepted or had room for. */
  async #lost(): Promise<number> {
    const { stdout } = await this.#host.run('cat', ['/proc/net/snmp'])
    const [names = '', values = ''] = stdout.split('\n').filter((line) => line.startsWith('Udp:'))
    const counts = values.split(' ')
    const counted = (name: string) => Number(counts[names.split(' ').indexOf(name)])
    return counted('RcvbufErrors') + counted('NoPorts') + counted('MemErrors')
  }

  #any(): Spoke {
    const spoke = this.#spokes[Math.floor(Math.random() * this.#spokes.length)]
    if (!spoke) throw new Error('there are no spokes')
    return spoke
  }
}

function isHeads(): boolean {
  return Math.random() < 0.5
}
