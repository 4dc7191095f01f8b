import { isatty } from 'node:tty'
import type { PeerState, RelayInfo, RelayStats } from '../../index.ts'
import type { OutputOptions } from './arguments.ts'
import { describeError } from './failure.ts'
import { formatDuration, formatReady, formatStats } from './format.ts'
import { RateLines, wantsColor } from './rates.ts'
import { openSink } from './sink.ts'

/** How long the last lines may wait for a slow reader before the program exits without them. */
const FLUSH_TIMEOUT_MS = 1000

/** An event of the relay or of the program that is not an error. */
export interface Notice {
  readonly kind: string
  readonly message: string
}

/**
 * Prints the events of the relay.
 *
 * stdout gets the ready line, the lines of `--stats` and, with `--json`, one JSON object for every event. stderr
 * gets the counters that SIGUSR2 asks for, notices, errors and the summary. With `--json` stderr gets errors only.
 */
export class Output {
  readonly #options: OutputOptions
  readonly #started = performance.now()
  readonly #stdout = openSink(1)
  readonly #stderr = openSink(2)
  readonly #rates = new RateLines(wantsColor(process.env, isatty(1)))

  constructor(options: OutputOptions) {
    this.#options = options
  }

  /** Begins the first period of {@link rates}. */
  startRates(stats: RelayStats): void {
    this.#rates.start(stats, performance.now())
  }

  /** Reports that packets are relayed to this number of peers. */
  ready(info: RelayInfo, peers: number): void {
    if (this.#options.json) this.#json('ready', { ...info, ...(peers > 1 ? { peers } : {}) })
    else if (!this.#options.quiet) this.#stdout.write(formatReady(info, peers))
  }

  /** Reports an event that is not an error. */
  notice({ kind, message }: Notice): void {
    if (this.#options.json) this.#json('notice', { kind, message })
    else if (!this.#options.quiet) this.#stderr.write(`tun2udp: ${message}`)
  }

  /** Prints the counters on stderr, for a signal. */
  stats(stats: RelayStats): void {
    if (this.#options.json) this.#statsJson(stats)
    else this.#stderr.write(`stats: ${formatStats(stats)}`)
  }

  /** Prints the rates since the last call on stdout, for `--stats`. With `--json` these are the counters. */
  rates(stats: RelayStats, peers: () => readonly PeerState[]): void {
    if (this.#options.json) this.#statsJson(stats)
    else this.#stdout.write(this.#rates.next(stats, peers(), performance.now()))
  }

  /** Prints the reason of a failure on one line, also with `--quiet`. */
  error(error: unknown): void {
    this.#stderr.write(`tun2udp: ${describeError(error)}`)
  }

  /** Prints the counters at the end. */
  summary(stats: RelayStats): void {
    if (this.#options.json) this.#json('summary', { uptimeMs: this.#uptimeMs(), ...stats })
    else if (!this.#options.quiet) {
      this.#stderr.write(`summary: ${formatDuration(this.#uptimeMs())}: ${formatStats(stats)}`)
    }
  }

  /**
   * Waits until the readers have all output, at most a second: a stopped terminal must not keep the process alive.
   */
  async flush(): Promise<void> {
    const late = new AbortController()
    // Unlike that of AbortSignal.timeout(), this timer keeps the event loop running.
    const timer = setTimeout(() => {
      late.abort()
    }, FLUSH_TIMEOUT_MS)
    await Promise.all([this.#stdout.flush(late.signal), this.#stderr.flush(late.signal)])
    clearTimeout(timer)
  }

  #statsJson(stats: RelayStats): void {
    this.#json('stats', { uptimeMs: this.#uptimeMs(), ...stats })
  }

  #json(event: string, details: object): void {
    this.#stdout.write(JSON.stringify({ event, ...details }))
  }

  #uptimeMs(): number {
    return Math.round(performance.now() - this.#started)
  }
}
