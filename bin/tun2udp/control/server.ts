import { once } from 'node:events'
import { type Server, type Socket, createServer } from 'node:net'
import type { Relay } from '../../../index.ts'
import { TunError } from '../../../lib/errors.ts'
import {
  type Connections,
  type PeerProcess,
  loadConnections,
} from '../../../lib/native/connections.ts'
import { listenAt } from '../listen.ts'
import { Connection } from './connection.ts'
import { descriptorOf } from './descriptor.ts'
import { type Request, toLine } from './protocol.ts'
import type { EarlyContext, ProgramParts, Served } from './method.ts'
import { EARLY_METHODS, METHODS } from './requests/table.ts'

/** The most connections at a time. For one more, the one that has been idle for the longest time is closed. */
export const CONNECTIONS_MAX = 32

/** Time after which a connection is closed on which nothing was sent, milliseconds. */
export const IDLE_MS = 60_000

/** How long a client of another user may take to read the reason, milliseconds. */
const REFUSAL_MS = 1000

/** Limits, which tests lower. */
export interface Limits {
  readonly connections?: number
  readonly idleMs?: number
}

/** Answers the requests of `tun2udp show` and the other commands on a Unix socket. */
export class ControlServer {
  readonly #server: Server
  readonly #parts: ProgramParts
  readonly #native: Connections
  readonly #limits: Required<Limits>
  /** The connections; the one that has been idle for the longest time is the first. */
  readonly #connections = new Set<Connection>()
  /** Connections of other users, which get the reason. */
  readonly #refused = new Set<Socket>()
  #served: Served | undefined

  private constructor(parts: ProgramParts, native: Connections, limits: Limits) {
    this.#parts = parts
    this.#native = native
    this.#limits = { connections: CONNECTIONS_MAX, idleMs: IDLE_MS, ...limits }
    // A client may close its half of the connection behind its last request, as socat does.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#accept(socket)
    })
  }

  /**
   * Listens at a path. Requests that need the relay are refused until {@link serve} is called.
   *
   * @throws {TunError} the path is in use or cannot be used.
   */
  static async listen(
    path: string,
    parts: ProgramParts,
    limits: Limits = {},
  ): Promise<ControlServer> {
    const server = new ControlServer(parts, await loadConnections(), limits)
    await listenAt(server.#server, { path }, { operation: 'listen for commands at', subject: path })
    return server
  }

  /** Sets the relay, which is ready. */
  serve(relay: Relay): void {
    this.#served = { relay, startedAtMs: performance.now() }
  }

  /**
   * Closes the connections and removes the socket. The connections of clients that wait for the end of the process stay
   * open until then.
   */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const connection of this.#connections) if (!connection.isKept) connection.destroy()
    for (const socket of this.#refused) socket.destroy()
    // The server emits its event after all connections are closed.
    if (![...this.#connections].some(({ isKept }) => isKept)) await closed
  }

  #accept(socket: Socket): void {
    const client = this.#clientOf(socket)
    if (client && !isAllowed(client)) {
      this.#refuse(socket, client)
      return
    }
    if (!client || !this.#makeRoom()) {
      socket.destroy()
      return
    }
    const connection = new Connection(
      socket,
      client,
      {
        handle: async (request, from) => this.#handle(request, from),
        duplicate: this.#native.duplicate,
        onActive: () => {
          if (!this.#connections.delete(connection)) return
          this.#connections.add(connection)
        },
        onGone: () => this.#connections.delete(connection),
      },
      this.#limits.idleMs,
    )
    this.#connections.add(connection)
  }

  /** Sends the reason to a client of another user. Of many at a time, only some get it. */
  #refuse(socket: Socket, { uid }: PeerProcess): void {
    if (this.#refused.size >= this.#limits.connections) {
      socket.destroy()
      return
    }
    this.#refused.add(socket)
    const message = `the user ${uid} may not use this relay; only root and its own user may`
    socket
      .on('error', () => undefined)
      .on('close', () => this.#refused.delete(socket))
      .setTimeout(REFUSAL_MS, () => socket.destroy())
      // The request is read: otherwise closing the connection would discard the reason.
      .resume()
      .end(toLine({ id: null, error: { code: 'ERR_TUN_PERMISSION', message } }))
  }

  /** Returns the process at the other end; nothing if it is gone. */
  #clientOf(socket: Socket): PeerProcess | undefined {
    try {
      return this.#native.peerProcess(descriptorOf(socket))
    } catch {
      return undefined
    }
  }

  /** Closes an idle connection if there are too many. Returns whether there is room for one more. */
  #makeRoom(): boolean {
    if (this.#connections.size < this.#limits.connections) return true
    for (const connection of this.#connections) {
      if (connection.isBusy) continue
      this.#connections.delete(connection)
      connection.destroy()
      return true
    }
    return false
  }

  async #handle({ method, params }: Request, connection: Connection): Promise<unknown> {
    const context: EarlyContext = { ...this.#parts, connection }
    const early = EARLY_METHODS.get(method)
    if (early) return early(params, context)
    const found = METHODS.get(method)
    if (!found) throw unknownMethod(method)
    if (this.#served) return found(params, { ...context, ...this.#served })
    throw new TunError(`${method}: the relay is starting; try again later`, {
      code: 'ERR_TUN_BUSY',
      subject: method,
    })
  }
}

/** Returns whether a client is of root or the user of this process, who can change after the start. */
function isAllowed({ uid }: PeerProcess): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

function unknownMethod(method: string): TunError {
  const names = [...METHODS.keys(), ...EARLY_METHODS.keys()].join(', ')
  return new TunError(`find the method ${JSON.stringify(method)}: expected one of ${names}`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    subject: method,
  })
}
