import { isIPv4, isIPv6 } from 'node:net'
import type { UdpEndpoint } from '../../index.ts'
import { fitsSocket } from './unixPath.ts'

/** Where the metrics are served: a TCP address and port, or the path of a Unix socket. */
export type MetricsAddress = UdpEndpoint | { readonly path: string }

const ENDPOINT =
  /^(?:(?:\[(?<v6>[\da-f:.]+)\]|(?<v4>\d{1,3}(?:\.\d{1,3}){3})):)?(?<port>\d{1,5})$/iu

/** Returns the address that a text names: `PORT`, `ADDRESS:PORT`, `[IPv6]:PORT` or `unix:PATH`; otherwise undefined. */
export function parseMetricsAddress(text: string): MetricsAddress | undefined {
  if (text.startsWith('unix:')) return unixSocket(text.slice('unix:'.length))
  const { v4 = '127.0.0.1', v6, port: digits } = ENDPOINT.exec(text)?.groups ?? {}
  const port = Number(digits)
  if (!(port >= 1 && port <= 65_535)) return undefined
  if (v6 !== undefined) return isIPv6(v6) ? { address: v6, port } : undefined
  return isIPv4(v4) ? { address: v4, port } : undefined
}

function unixSocket(path: string): MetricsAddress | undefined {
  return fitsSocket(path) ? { path } : undefined
}
