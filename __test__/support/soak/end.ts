import type { RelayStats } from '../../../index.ts'
import { PROGRAM } from '../program.ts'
import { type InterfaceCounts, interfaceCounts, problemsOf } from './counters.ts'
import { type Run, command } from './command.ts'
import { JsonProcess } from './process.ts'

/** Options of the program, one set after the other: every shortcut, none, and some of them. */
const OFFLOADS: readonly (readonly string[])[] = [
  [],
  ['--no-offload'],
  ['--offload', 'tso,gso'],
  ['--offload', 'gro'],
  ['--offload', 'uso,gso,gro'],
]

/** Where one end of the tunnel is. */
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
 * One end of the tunnel: an interface that stays, and one relay after the other on it.
 *
 * While no relay holds the interface the kernel's counters of it stand still, so they are compared with those of
 * each relay exactly.
 */
export class End {
  static readonly device = 'soak0'
  readonly options: EndOptions
  readonly run: Run
  /** What did not add up. */
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

  /** Makes the interface. */
  async create(): Promise<void> {
    const { device } = End
    await this.run('ip', 'tuntap', 'add', 'dev', device, 'mode', 'tun')
    // Addresses of IPv6 would go when the interface goes down, and come back late.
    await this.run('sysctl', '-qw', `net.ipv6.conf.${device}.keep_addr_on_down=1`)
    for (const address of this.options.addresses) {
      const family = address.includes(':') ? ['nodad'] : []
      await this.run('ip', 'address', 'add', address, 'dev', device, ...family)
    }
    await this.run('ip', 'link', 'set', device, 'up')
  }

  /** Starts a relay; `offload` numbers its options. */
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

  /** Ends the relay by SIGTERM and compares its counters; answers them. */
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

  /** Ends the relay by SIGKILL: it has no last word. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Takes the interface down for a moment. */
  async flap(pauseMs: number): Promise<void> {
    await this.run('ip', 'link', 'set', End.device, 'down')
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    await this.run('ip', 'link', 'set', End.device, 'up')
  }

  /** Ends what still runs. */
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
