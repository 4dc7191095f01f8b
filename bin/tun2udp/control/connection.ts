import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PeerProcess } from '../../../lib/native/connections.ts'
import { descriptorOf, stopReading } from './descriptor.ts'
import {
  type Answer,
  LineReader,
  REQUEST_BYTES_MAX,
  type Request,
  parseRequest,
  toLine,
  toRefusal,
} from './protocol.ts'

/** The functions that a connection needs. */
export interface ConnectionUses {
  /** Returns the result of a request, or throws. */
  readonly handle: (request: Request, connection: Connection) => Promise<unknown>
  /** Returns a new descriptor of the same open file. */
  readonly duplicate: (fd: number) => number
  /** Called when a request is done, and when the connection is closed or detached. */
  readonly onActive: () => void
  readonly onGone: () => void
}

/**
 * A connection of a client. Its requests are done one after the other; the next one is read once the client has the
 * answer, so a slow reader has at most one answer waiting.
 */
export class Connection {
  /** The process at the other end. */
  readonly client: PeerProcess
  /** Resolves once the answer to the present request is written, or the client is gone. */
  answered: Promise<void> = Promise.resolve()

  readonly #socket: Socket
  readonly #uses: ConnectionUses
  readonly #reader = new LineReader(REQUEST_BYTES_MAX)
  #isHandling = false
  #isWorking = false
  #hasEnded = false
  #isDetached = false
  #isKept = false

  constructor(socket: Socket, client: PeerProcess, uses: ConnectionUses, idleMs: number) {
    this.#socket = socket
    this.client = client
    this.#uses = uses
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk)
      void this.#work()
    })
    socket.on('end', () => {
      this.#hasEnded = true
      void this.#work()
    })
    // A client that is gone does not concern the relay.
    socket.on('error', () => undefined)
    socket.on('close', uses.onGone)
    socket.setTimeout(idleMs, () => {
      if (!this.isBusy) socket.destroy()
    })
  }

  /** Whether a request is being handled, or the connection is kept. Otherwise it may be closed at any time. */
  get isBusy(): boolean {
    return this.#isHandling || this.#isKept
  }

  /** Whether the connection stays open until the process ends. */
  get isKept(): boolean {
    return this.#isKept
  }

  /** Keeps the connection open until the process ends, so that the client notices that. */
  keepOpen(): void {
    this.#isKept = true
  }

  /**
   * Ends the line protocol after the answer to the present request. Returns a descriptor of the connection, which the
   * caller must close. The caller must not use it before {@link Connection.answered} resolves.
   *
   * @throws {TunError} there are no more descriptors, or the client is gone.
   */
  detach(): number {
    const copy = this.#uses.duplicate(descriptorOf(this.#socket))
    stopReading(this.#socket)
    this.#isDetached = true
    return copy
  }

  /** Closes the connection without waiting for its client. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Handles the requests that have arrived. */
  async #work(): Promise<void> {
    if (this.#isWorking || this.#isDetached) return
    this.#isWorking = true
    this.#socket.pause()
    for (let line = this.#reader.next(); line; line = this.#reader.next()) {
      await this.#answerTo(line)
      // Many requests of one chunk do not delay signals and other clients.
      await nextTurn()
      // The request may have detached the connection.
      if (this.#socket.destroyed) return
    }
    if (this.#reader.isTooLong) {
      await this.#refuse(`longer than ${REQUEST_BYTES_MAX} bytes`)
      return
    }
    this.#isWorking = false
    if (!this.#hasEnded) this.#socket.resume()
    else if (!this.#isKept) this.#socket.end()
  }

  async #answerTo(line: Uint8Array): Promise<void> {
    const request = parseRequest(line)
    if ('refused' in request) {
      await this.#write(request.refused)
      if (request.isBroken) this.destroy()
      return
    }
    this.#isHandling = true
    const { promise, resolve } = withResolvers()
    this.answered = promise
    const answer = await this.#answerOf(request)
    this.#isHandling = false
    this.#uses.onActive()
    await this.#write(answer)
    // The detached descriptor is a copy, so the connection stays open.
    if (this.#isDetached) this.destroy()
    resolve()
  }

  async #answerOf(request: Request): Promise<Answer> {
    const { id } = request
    try {
      const result = (await this.#uses.handle(request, this)) ?? {}
      return { id, result }
    } catch (error) {
      return { id, error: toRefusal(error) }
    }
  }

  async #refuse(reason: string): Promise<void> {
    const message = `read the request: ${reason}; send one JSON object per line`
    await this.#write({ id: null, error: { code: 'ERR_TUN_INVALID_ARGUMENT', message } })
    this.destroy()
  }

  /** Resolves once the kernel has the answer, or the client is gone. */
  async #write(answer: Answer): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.write(toLine(answer), () => {
        resolve()
      })
    })
  }
}

/** As Promise.withResolvers(), which Node has since version 22. */
function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return {
    promise,
    resolve: () => {
      resolve()
    },
  }
}
