import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { isatty } from 'node:tty'

/** The state of a reader. */
export type SinkState = 'idle' | 'behind' | 'gone'

/** A destination for lines. A write never waits for the reader. */
export interface Sink {
  /** Whether the reader has everything, is behind, or is gone. */
  readonly state: SinkState
  /** Writes a line, or drops it if the reader is too far behind. */
  write: (line: string) => void
  /** Resolves once the reader has everything, or when the signal is aborted. */
  flush: (signal: AbortSignal) => Promise<void>
}

/** Maximum number of bytes queued for a terminal, the same as Node allows for a pipe. */
const PENDING_MAX = 16_384

/** Interval between attempts to write to a stopped terminal, milliseconds. */
const RETRY_MS = 50

/** Returns the sink of standard output (1) or standard error (2). */
export function openSink(fd: 1 | 2): Sink {
  if (isatty(fd)) return openTerminal(fd) ?? new ChildSink(fd)
  return new StreamSink(fd === 1 ? process.stdout : process.stderr)
}

/**
 * Opens a terminal a second time, without blocking: Node's own stream waits while the user has stopped the terminal
 * (Ctrl-S), and no signal is handled during that time. The other descriptors of the terminal are not changed.
 *
 * @returns nothing if the terminal belongs to another user.
 */
function openTerminal(fd: number): TerminalSink | undefined {
  try {
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
    return new TerminalSink(openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY))
  } catch {
    return undefined
  }
}

/** A pipe, a socket or a file. Node writes to pipes and sockets without blocking. */
class StreamSink implements Sink {
  readonly #stream: Writable
  #hasFailed = false

  constructor(stream: Writable) {
    this.#stream = stream
    // If the reader is gone (EPIPE), the relay goes on and prints nothing.
    stream.on('error', () => (this.#hasFailed = true))
  }

  get state(): SinkState {
    if (this.#hasFailed || this.#stream.destroyed) return 'gone'
    return this.#stream.writableLength === 0 ? 'idle' : 'behind'
  }

  write(line: string): void {
    if (!this.#stream.destroyed && !this.#stream.writableNeedDrain) this.#stream.write(`${line}\n`)
  }

  async flush(signal: AbortSignal): Promise<void> {
    if (this.#stream.writableLength === 0 || this.#stream.destroyed) return
    const isWritten = new Promise<void>((resolve) => {
      this.#stream.write('', () => {
        resolve()
      })
    })
    await Promise.race([isWritten, once(signal, 'abort')])
  }
}

/** A terminal, written through a non-blocking descriptor. */
class TerminalSink implements Sink {
  readonly #fd: number
  #pending = Buffer.alloc(0)
  #isGone = false
  #isWaiting = false

  constructor(fd: number) {
    this.#fd = fd
  }

  get state(): SinkState {
    if (this.#isGone) return 'gone'
    return this.#pending.length === 0 ? 'idle' : 'behind'
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    if (this.#isGone || this.#pending.length + bytes.length > PENDING_MAX) return
    this.#pending = Buffer.concat([this.#pending, bytes])
    this.#drain()
  }

  async flush(signal: AbortSignal): Promise<void> {
    while (this.#pending.length > 0 && !signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      this.#drain()
    }
  }

  #drain(): void {
    try {
      while (this.#pending.length > 0) {
        this.#pending = this.#pending.subarray(writeSync(this.#fd, this.#pending))
      }
    } catch (error) {
      if (isStopped(error)) this.#tryLater()
      else this.#close()
    }
  }

  #tryLater(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    setTimeout(() => {
      this.#isWaiting = false
      this.#drain()
    }, RETRY_MS).unref()
  }

  /** Stops writing after the terminal was closed. */
  #close(): void {
    this.#isGone = true
    this.#pending = Buffer.alloc(0)
    closeSync(this.#fd)
  }
}

/**
 * A terminal that can only be reached through an open descriptor. cat(1) writes to it, so that cat blocks instead
 * of this process.
 */
class ChildSink implements Sink {
  readonly #child: ChildProcess
  readonly #pipe: StreamSink | undefined
  #isGone = false

  constructor(fd: number) {
    // In its own session, which Ctrl-C does not reach.
    this.#child = spawn('cat', [], { stdio: ['pipe', fd, 'ignore'], detached: true })
    this.#pipe = this.#child.stdin ? new StreamSink(this.#child.stdin) : undefined
    for (const event of ['error', 'close']) this.#child.once(event, () => (this.#isGone = true))
    this.#child.unref()
    process.once('exit', () => this.#child.kill('SIGKILL'))
  }

  get state(): SinkState {
    return this.#isGone ? 'gone' : (this.#pipe?.state ?? 'gone')
  }

  write(line: string): void {
    this.#pipe?.write(line)
  }

  async flush(signal: AbortSignal): Promise<void> {
    if (this.#isGone) return
    const isWritten = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin?.end()
    await Promise.race([isWritten, once(signal, 'abort')])
  }
}

function isStopped(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EAGAIN' || code === 'EINTR'
}
