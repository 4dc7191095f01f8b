import { once } from 'node:events'
import { existsSync, lstatSync, unlinkSync } from 'node:fs'
import { type Server, createServer } from 'node:http'
import { type Socket, connect } from 'node:net'
import { dirname } from 'node:path'
import { TunError, type TunErrorCode } from '../../index.ts'
import { formatEndpoint } from '../../lib/relay/info.ts'
import type { MetricsAddress } from './metricsAddress.ts'

/** The type of the text format of Prometheus. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Limits against slow and numerous clients. A scraper needs one connection. */
const CONNECTIONS_MAX = 32
const REQUEST_TIMEOUT_MS = 10_000

/** Serves the metrics of the relay over HTTP. */
export class MetricsServer {
  readonly #server: Server
  readonly #address: MetricsAddress
  #render: (() => string) | undefined

  private constructor(address: MetricsAddress) {
    this.#address = address
    this.#server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      ({ method, url }, response) => {
        const { status, body } = this.#answer(method, url)
        const isText = status !== 200
        response.writeHead(status, {
          'Content-Type': isText ? 'text/plain; charset=utf-8' : CONTENT_TYPE,
          'Content-Length': Buffer.byteLength(body),
          ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
        })
        response.end(method === 'HEAD' ? '' : body)
      },
    )
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /**
   * Listens. Requests are answered with 503 until {@link serve} is called.
   *
   * @throws {TunError} the address is in use or cannot be used.
   */
  static async listen(address: MetricsAddress): Promise<MetricsServer> {
    const server = new MetricsServer(address)
    if ('path' in address) await removeStale(address.path)
    await server.#listen()
    return server
  }

  /** Answers requests with the text that `render` returns. */
  serve(render: () => string): void {
    this.#render = render
  }

  /** Closes all connections. The Unix socket is removed. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #listen(): Promise<void> {
    // Only the owner may connect to a Unix socket. The socket is created during the call.
    const mask = process.umask(0o177)
    try {
      const at = this.#address
      this.#server.listen('path' in at ? at : { host: at.address, port: at.port })
    } finally {
      process.umask(mask)
    }
    try {
      await once(this.#server, 'listening')
    } catch (error) {
      throw listenError(this.#address, error as NodeJS.ErrnoException)
    }
  }

  #answer(method: string | undefined, url: string | undefined): { status: number; body: string } {
    const [path] = (url ?? '').split('?')
    if (path !== '/metrics') return { status: 404, body: 'the metrics are at /metrics\n' }
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'use GET\n' }
    if (!this.#render) return { status: 503, body: 'the relay is starting\n' }
    try {
      return { status: 200, body: this.#render() }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { status: 500, body: `${reason}\n` }
    }
  }
}

/** Removes the socket of a process that has ended. Anything else at the path stays. */
async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return
  let socket: Socket | undefined
  try {
    socket = connect(path)
    await once(socket, 'connect')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') unlinkSync(path)
  } finally {
    socket?.destroy()
  }
}

const REASONS: Readonly<Record<string, readonly [TunErrorCode, string]>> = {
  EADDRINUSE: [
    'ERR_TUN_ADDRESS_IN_USE',
    'another program uses it, or a file is there; choose another one',
  ],
  EADDRNOTAVAIL: [
    'ERR_TUN_ADDRESS_NOT_AVAILABLE',
    'not an address of this machine; "ip address" lists them',
  ],
  EACCES: ['ERR_TUN_PERMISSION', 'not permitted; choose a port above 1023, or another folder'],
  ENOENT: ['ERR_TUN_NOT_FOUND', 'the folder does not exist; create it first'],
}

function listenError(address: MetricsAddress, cause: NodeJS.ErrnoException): TunError {
  const subject = 'path' in address ? `unix:${address.path}` : formatEndpoint(address)
  // libuv reports a missing folder as EACCES.
  const isMissing = 'path' in address && !existsSync(dirname(address.path))
  const name = isMissing ? 'ENOENT' : (cause.code ?? '')
  const [code, reason] = REASONS[name] ?? ['ERR_TUN_SYSTEM', cause.message]
  const { errno, syscall } = cause
  return new TunError(
    `serve the metrics at ${subject}: ${reason}`,
    {
      code,
      subject,
      ...(errno === undefined ? {} : { errno: Math.abs(errno) }),
      ...(syscall === undefined ? {} : { syscall }),
    },
    { cause },
  )
}
