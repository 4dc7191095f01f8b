import type { RelayStats } from '../../../index.ts'
import { PROGRAM } from '../program.ts'
import { type InterfaceCounts, interfaceCounts, problemsOf } from './counters.ts'
import { type Run, command } from './command.ts'
import { JsonProcess } from './process.ts'

/** Options of the program, which are used in turn: all offloads, none, and some of them. */
const OFFLOADS: readonly (readonly string[])[] = [
  [],
  ['--no-offload'],
  ['--offload', 'tso,gso'],
  ['--offload', 'gro'],
  ['--offload', 'uso,gso,gro'],
]

/** The place of one end of the tunnel. */
export interface EndOptions {
  /** Network namespace of its interface. */
  namespace: string
  /** Network namespace of its socket. */
  wire: string
  /** Addresses of the interface with their prefixes. */
  addresses: readonly string[]
  sendPort: number
  receivePort: number
}

/**
 * One end of the tunnel: a persistent interface, and one relay after the other on it.
 *
 * The kernel's counters of the interface do not change while no relay holds it, so they are compared exactly with
 * those of each relay.
 */
export class End {
  static readonly device = 'soak0'
  readonly options: EndOptions
  readonly run: Run
  /** Differences found. */
  readonly problems: string[] = []
  /** Relays whose counters were compared. */
  accounts = 0
  /** Relays started. */
  starts = 0
  #relay: JsonProcess | undefined
  #before: InterfaceCounts = { written: 0, read: 0 }

  constructor(options: EndOptions) {
    this.options = options
    this.run = command(options.namespace)
  }

  /** Creates the interface. */
  async create(): Promise<void> {
    const { device } = End
    await this.run('ip', 'tuntap', 'add', 'dev', device, 'mode', 'tun')
    // The kernel removes IPv6 addresses when the interface goes down, and they return late.
    await this.run('sysctl', '-qw', `net.ipv6.conf.${device}.keep_addr_on_down=1`)
    for (const address of this.options.addresses) {
      const family = address.includes(':') ? ['nodad'] : []
      await this.run('ip', 'address', 'add', address, 'dev', device, ...family)
    }
    await this.run('ip', 'link', 'set', device, 'up')
  }

  /** Starts a relay; `offload` is the number of its options. */
  async start(offload = this.starts): Promise<void> {
    this.#before = await this.#counts()
    this.starts++
    const { wire, namespace, sendPort, receivePort, addresses } = this.options
    const [first = '', ...further] = addresses
    this.#relay = new JsonProcess(
      wire,
      process.execPath,
      PROGRAM,
      first,
      String(sendPort),
      String(receivePort),
      ...further.flatMap((address) => ['--address', address]),
      ...['--netns', namespace, '--name', End.device, '--json'],
      ...(OFFLOADS[offload % OFFLOADS.length] ?? []),
    )
    await this.#relay.expect()
  }

  /** Ends the relay by SIGTERM, compares its counters and returns them. */
  async stop(): Promise<RelayStats> {
    const said = await this.#end('SIGTERM')
    const summary = said.find((value) => (value as { event: string }).event === 'summary')
    if (summary === undefined) throw new Error(`no summary: ${JSON.stringify(said)}`)
    const stats = summary as RelayStats
    const label = `relay ${this.starts} in ${this.options.namespace}`
    const problems = problemsOf(stats, this.#before, await this.#counts())
    this.problems.push(...problems.map((problem) => `${label}: ${problem}`))
    for (const value of said as { event: string; kind?: string }[]) {
      if (value.event === 'notice') this.problems.push(`${label}: ${JSON.stringify(value)}`)
    }
    this.accounts++
    return stats
  }

  /** Ends the relay by SIGKILL, without its last counters. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Sets the interface down for a moment. */
  async flap(pauseMs: number): Promise<void> {
    await this.run('ip', 'link', 'set', End.device, 'down')
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    await this.run('ip', 'link', 'set', End.device, 'up')
  }

  /** Ends the running processes. */
  dispose(): void {
    this.#relay?.child.kill('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<unknown[]> {
    const relay = this.#relay
    if (!relay) throw new Error('no relay runs')
    this.#relay = undefined
    relay.child.kill(signal)
    return relay.rest()
  }

  async #counts(): Promise<InterfaceCounts> {
    return interfaceCounts(await this.run('ip', '-s', '-json', 'link', 'show', End.device))
  }
}
