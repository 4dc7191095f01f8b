import { once } from 'node:events'
import { type RelayInfo, type RelayStats, TunError } from '../../index.ts'
import { HINT, type OutputOptions } from './arguments.ts'
import { formatDuration, formatReady, formatStats } from './format.ts'

/** How long the last lines may wait for a slow reader before the program ends without them. */
const FLUSH_TIMEOUT_MS = 1000

/** An event of the relay, or something that happened to the program and is not an error. */
export interface Notice {
  readonly kind: string
  readonly message: string
}

/**
 * What the program says, and where.
 *
 * stdout carries the ready line, the lines of `--stats` and, with `--json`, one JSON object for every
 * event; the counters on SIGUSR2, notices, errors and the summary go to stderr. With `--json` the events
 * are on stdout alone, and stderr has the errors.
 */
export class Output {
  readonly #options: OutputOptions
  readonly #started = performance.now()

  constructor(options: OutputOptions) {
    this.#options = options
    // A reader that went away (EPIPE) is no reason to end the relay: it goes on in silence.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  }

  /** Packets flow. */
  ready(info: RelayInfo): void {
    if (this.#options.json) this.#json('ready', { ...info })
    else if (!this.#options.quiet) write(process.stdout, formatReady(info))
  }

  /** Something worth knowing that is no error. */
  notice({ kind, message }: Notice): void {
    if (this.#options.json) this.#json('notice', { kind, message })
    else if (!this.#options.quiet) write(process.stderr, `tun2udp: ${message}`)
  }

  /** The counters, because of `--stats` or because a signal asked for them. */
  stats(stats: RelayStats, cause: 'period' | 'signal'): void {
    if (this.#options.json) this.#json('stats', { uptimeMs: this.#uptimeMs(), ...stats })
    else write(cause === 'period' ? process.stdout : process.stderr, `stats: ${formatStats(stats)}`)
  }

  /** Why it ends with status 1: always said, on one line. */
  error(error: unknown): void {
    write(process.stderr, `tun2udp: ${describeError(error)}`)
  }

  /** The last line. */
  summary(stats: RelayStats): void {
    if (this.#options.json) this.#json('summary', { uptimeMs: this.#uptimeMs(), ...stats })
    else if (!this.#options.quiet) {
      write(process.stderr, `summary: ${formatDuration(this.#uptimeMs())}: ${formatStats(stats)}`)
    }
  }

  #json(event: string, details: object): void {
    write(process.stdout, JSON.stringify({ event, ...details }))
  }

  #uptimeMs(): number {
    return Math.round(performance.now() - this.#started)
  }
}

/** Waits, but not for ever, until what was written is with its reader. */
export async function flush(): Promise<void> {
  const drained = [process.stdout, process.stderr]
    .filter((stream) => stream.writableLength > 0 && !stream.destroyed)
    .map((stream) => once(stream, 'drain'))
  const late = AbortSignal.timeout(FLUSH_TIMEOUT_MS)
  const timeout = once(late, 'abort')
  await Promise.race([Promise.allSettled(drained), timeout])
}

/** A line that nobody reads in time is left out rather than kept: memory is not to grow with the hours. */
function write(stream: NodeJS.WriteStream, line: string): void {
  if (!stream.destroyed && !stream.writableNeedDrain) stream.write(`${line}\n`)
}

/** One line, and never a stack: a {@link TunError} says itself what to do. */
function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const line = text.replaceAll(/\s*\n\s*/gu, ' ')
  const isArgument =
    error instanceof TunError && error.errno === undefined && line.startsWith('Invalid ')
  return isArgument ? `${line}; ${HINT}` : line
}
