import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { TunError } from '../../../lib/errors.ts'
import { type Reasons, socketError } from '../failure.ts'
import {
  ANSWER_BYTES_MAX,
  type Answer,
  LineReader,
  fromRefusal,
  parseLine,
  toLine,
} from './protocol.ts'

/** Time within which the relay must begin to answer, milliseconds. A name look-up of a peer may take long. */
const ANSWER_TIMEOUT_MS = 60_000

/** A connection with the control socket of a relay. */
export class ControlClient {
  readonly #socket: Socket
  readonly #path: string
  readonly #reader = new LineReader(ANSWER_BYTES_MAX)
  #lastId = 0

  private constructor(socket: Socket, path: string) {
    this.#socket = socket
    this.#path = path
    // The errors are those of a request.
    socket.on('error', () => undefined)
  }

  /**
   * Connects.
   *
   * @throws {TunError} no relay listens there, or this user may not use it.
   */
  static async connect(path: string): Promise<ControlClient> {
    const socket = connect(path)
    try {
      await once(socket, 'connect')
    } catch (cause) {
      socket.destroy()
      const purpose = { operation: 'connect to', subject: path }
      throw socketError(purpose, REASONS, cause as NodeJS.ErrnoException)
    }
    return new ControlClient(socket, path)
  }

  /**
   * Sends a request and returns its result. Requests are sent one after the other.
   *
   * @throws {TunError} the error of the answer, or the relay has ended.
   */
  async request(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId
    this.#socket.write(toLine({ id, method, params }))
    const answer = await this.#answer(method)
    if ('error' in answer) throw fromRefusal(answer.error)
    return answer.result
  }

  /** Waits until the relay has closed the connection, which its process does at its end at the latest. */
  async untilClosed(): Promise<void> {
    this.#socket.resume()
    if (!this.#socket.destroyed) await new Promise((resolve) => this.#socket.once('close', resolve))
  }

  /**
   * Ends the line protocol after an answer that detached the connection. Returns the socket, which has all bytes behind
   * the answer. The caller must close it.
   */
  release(): Socket {
    const rest = this.#reader.rest()
    if (rest.length > 0) this.#socket.unshift(rest)
    return this.#socket
  }

  /** Closes the connection. */
  close(): void {
    this.#socket.destroy()
  }

  async #answer(method: string): Promise<Answer> {
    const line = this.#reader.next() ?? (await this.#read(method))
    try {
      return parseLine(line) as Answer
    } catch {
      throw this.#error(method, 'the answer is not JSON; is this the control socket of a relay?')
    }
  }

  /** Reads until there is a line. */
  async #read(method: string): Promise<Buffer> {
    const late = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    for (;;) {
      const chunk = this.#socket.read() as Buffer | null
      if (chunk) this.#reader.push(chunk)
      const line = this.#reader.next()
      if (line) return line
      if (this.#reader.isTooLong) throw this.#error(method, 'the answer is too long')
      if (chunk) continue
      if (this.#socket.destroyed || this.#socket.readableEnded) {
        throw this.#error(
          method,
          'the relay has closed the connection; it has ended, or has too many clients',
        )
      }
      await this.#more(method, late)
    }
  }

  /** Waits for more bytes or the end of the connection. */
  async #more(method: string, late: AbortSignal): Promise<void> {
    const done = new AbortController()
    const signal = AbortSignal.any([late, done.signal])
    try {
      await Promise.race(
        ['readable', 'end', 'close'].map((event) => once(this.#socket, event, { signal })),
      )
    } catch (error) {
      if (late.aborted) {
        throw this.#error(method, `no answer within ${ANSWER_TIMEOUT_MS / 1000} seconds`)
      }
      // An error of the socket is followed by its end.
      if (!this.#socket.destroyed) throw error
    } finally {
      done.abort()
    }
  }

  #error(method: string, reason: string): TunError {
    const code = 'ERR_TUN_SYSTEM'
    return new TunError(`${method} at ${this.#path}: ${reason}`, { code, subject: this.#path })
  }
}

const REASONS: Reasons = {
  ENOENT: ['ERR_TUN_NOT_FOUND', 'there is no such socket; is the relay running, with --control?'],
  ECONNREFUSED: ['ERR_TUN_NOT_FOUND', 'no process listens there; its relay has ended'],
  ENOTSOCK: ['ERR_TUN_INVALID_ARGUMENT', 'not a socket; give the path of --control'],
  EACCES: [
    'ERR_TUN_PERMISSION',
    'permission denied; only root and the user of the relay may use it',
  ],
  EAGAIN: ['ERR_TUN_BUSY', 'too many clients are waiting; try again'],
}
