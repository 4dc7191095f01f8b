import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import { formatEndpoint } from '../../lib/relay/info.ts'
import { listenAt } from './listen.ts'
import type { MetricsAddress } from './metricsAddress.ts'

/** The type of the text format of Prometheus. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Limits against slow and numerous clients. A scraper needs one connection. */
const CONNECTIONS_MAX = 32
const REQUEST_TIMEOUT_MS = 10_000

/** Serves the metrics of the relay over HTTP. */
export class MetricsServer {
  readonly #server: Server
  #render: (() => string) | undefined

  private constructor() {
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
    // A client that does not read its response, or sends no request, does not keep its connection.
    this.#server.timeout = REQUEST_TIMEOUT_MS
  }

  /**
   * Listens. Requests are answered with 503 until {@link serve} is called.
   *
   * @throws {TunError} the address is in use or cannot be used.
   */
  static async listen(address: MetricsAddress): Promise<MetricsServer> {
    const server = new MetricsServer()
    const isPath = 'path' in address
    await listenAt(
      server.#server,
      isPath ? address : { host: address.address, port: address.port },
      {
        operation: 'serve the metrics at',
        subject: isPath ? `unix:${address.path}` : formatEndpoint(address),
      },
    )
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
