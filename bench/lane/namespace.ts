import { existsSync, readFileSync } from 'node:fs'
import { execa } from 'execa'
import { Running, type StartOptions } from './running.ts'

/** Bounds of a command that is run to its end. */
export interface RunOptions {
  /** Ends the command early. */
  signal?: AbortSignal | undefined
  timeoutMs?: number
  input?: string
}

/**
 * A network namespace that lives as long as a process that only waits, and has no name.
 *
 * It is gone with everything in it when this process is, however that ends.
 */
export class Namespace implements AsyncDisposable {
  /** A process in it. */
  readonly pid: number
  readonly #holder: Running

  private constructor(holder: Running) {
    this.#holder = holder
    this.pid = holder.pid
  }

  static async open(): Promise<Namespace> {
    const script = 'ip link set lo up && echo ready && exec cat'
    const holder = await Running.start(['unshare', '--net', '--', 'sh', '-c', script])
    try {
      await holder.says('ready')
      return new Namespace(holder)
    } catch (error) {
      await holder[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Starts a program in it; the program takes the place of what enters. */
  start(command: readonly string[], options?: StartOptions): Promise<Running> {
    return Running.start(this.#entering(command), { name: command[0], ...options })
  }

  /** Runs a command in it to its end; gives its stdout. */
  async run(
    command: readonly string[],
    { signal, timeoutMs = 10_000, input }: RunOptions = {},
  ): Promise<string> {
    const bound = ['--pdeathsig', 'KILL', '--', ...this.#entering(command)]
    const { stdout, stderr, failed, timedOut } = await execa('setpriv', bound, {
      // Otherwise execa ends this process at a signal, before it has ended its children.
      cleanup: false,
      reject: false,
      timeout: timeoutMs,
      forceKillAfterDelay: 500,
      ...(signal && { cancelSignal: signal }),
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
    })
    if (!failed) return stdout
    const reason = timedOut ? `did not end in ${timeoutMs} ms` : stderr.trim() || stdout.trim()
    throw new Error(`${command.slice(0, 2).join(' ')}: ${reason}`)
  }

  /** Runs lines of ip(8). */
  async ip(...lines: readonly string[]): Promise<void> {
    await this.run(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Whether an interface is in it. */
  has(device: string): boolean {
    return new RegExp(`^ *${device}:`, 'mu').test(this.#read('net/dev'))
  }

  /** Whether a process listens on a TCP port over IPv4, proc_net(5). */
  listens(port: number): boolean {
    const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
    return new RegExp(`^ *\\d+: [\\dA-F]{8}${local} [\\dA-F]{8}:0000 0A `, 'mu').test(
      this.#read('net/tcp'),
    )
  }

  /** UDP datagrams over IPv4 that reached it with a right checksum, taken by a socket or refused by one. */
  deliveredDatagrams(): number {
    const [names = '', numbers = ''] = this.#read('net/snmp').match(/^Udp: .*$/gmu) ?? []
    const values = numbers.split(' ')
    const counters = new Map(names.split(' ').map((name, index) => [name, Number(values[index])]))
    const of = (name: string) => counters.get(name) ?? 0
    return of('InDatagrams') + of('InErrors') - of('InCsumErrors')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]()
  }

  #entering(command: readonly string[]): string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`, '--', ...command]
  }

  #read(file: string): string {
    return readFileSync(`/proc/${this.pid}/${file}`, 'utf8')
  }
}

/** Returns the reason why namespaces and TUN devices are not available, or nothing. */
export function missingPrivilege(): string | undefined {
  if (process.getuid?.() !== 0) {
    return 'it makes network namespaces and TUN devices, which needs root: run it with sudo'
  }
  if (!existsSync('/dev/net/tun')) {
    return 'there is no /dev/net/tun: load the driver with "modprobe tun"'
  }
  return undefined
}
