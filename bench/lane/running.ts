import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** How much of a program's last words is kept. */
const TAIL_LENGTH = 2000
/** How long a program may take to end when it is asked to. */
const PATIENCE_MS = 2000
/** How long a program may take until it reports that it is ready. */
const READY_MS = 10_000

/** The environment of a program, besides its arguments. */
export interface StartOptions {
  /** Its name in messages; by default its path. */
  name?: string | undefined
  env?: Record<string, string>
}

/**
 * A program that runs until it is disposed of, and no longer than this process.
 *
 * It stays in this process's session: each session is a scheduling group of its own (sched(7), the
 * autogroup feature), and CPUs that are divided by groups are divided otherwise than by programs.
 */
export class Running implements AsyncDisposable {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #name: string
  readonly #ended: Promise<unknown>
  #stdout = ''
  #tail = ''

  private constructor(child: ChildProcess, name: string, pid: number) {
    this.pid = pid
    this.#child = child
    this.#name = name
    this.#ended = once(child, 'close')
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-TAIL_LENGTH)
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#tail = (this.#tail + text).slice(-TAIL_LENGTH)
    })
  }

  static async start(
    command: readonly string[],
    { name = command[0] ?? '', env = {} }: StartOptions = {},
  ): Promise<Running> {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child.stdin.on('error', () => undefined)
    await once(child, 'spawn')
    return new Running(child, name, child.pid ?? 0)
  }

  /** Whether it still runs. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Returns its last line on stderr, or on stdout if there is none. */
  get lastWords(): string {
    const words = (this.#tail.trim() || this.#stdout.trim()).replaceAll(/\s*\n\s*/gu, '; ')
    return words || 'it said nothing'
  }

  /** Waits until it has printed a text on stdout. */
  async says(text: string): Promise<void> {
    await this.until(() => this.#stdout.includes(text), `print "${text}"`)
  }

  /** Writes a line to its stdin. */
  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Writes a line to its stdin; gives the next line that it prints. */
  async ask(line: string, patienceMs = READY_MS): Promise<string> {
    this.#stdout = ''
    this.tell(line)
    await this.until(() => this.#stdout.includes('\n'), `answer "${line}"`, patienceMs)
    return this.#stdout.slice(0, this.#stdout.indexOf('\n'))
  }

  /** Waits until something holds that it is to bring about. */
  async until(
    holds: () => boolean | Promise<boolean>,
    deed: string,
    patienceMs = READY_MS,
  ): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!(await holds())) {
      if (!this.isAlive) {
        await this.#ended
        throw new Error(`${this.#name} ended and did not ${deed}: ${this.lastWords}`)
      }
      if (performance.now() > deadline) {
        throw new Error(`${this.#name} did not ${deed} in ${patienceMs} ms: ${this.lastWords}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Waits until it has ended by itself; returns its last output on stdout. */
  async result(patienceMs = READY_MS): Promise<string> {
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs)
    await this.#ended
    clearTimeout(deadline)
    if (this.#child.exitCode === 0) return this.#stdout
    throw new Error(`${this.#name} did not end by itself: ${this.lastWords}`)
  }

  /** Stops it where it is, so that it takes no CPU time from others. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  /** Lets it go on. */
  resume(): void {
    this.#child.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) this.#child.kill('SIGTERM')
    this.resume()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS)
    await this.#ended
    clearTimeout(timer)
  }
}
