import cluster from 'node:cluster'
import {
  type AddressInfo,
  Server,
  Socket,
  type SocketConstructorOpts,
  createServer,
} from 'node:net'
import type { NativeNamespace } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { type Check, callback, checkFields, flag, integer, u16 } from '../check/fields.ts'
import { TunError, invalidArgument } from '../errors.ts'
import { checkFamily, hostAddress } from './addresses.ts'
import { withSocket } from './open.ts'

/** The options of {@link Namespace.connect}; those that `net.connect()` has mean the same. */
export interface NamespaceConnectOptions {
  /** Port of the server, 1 to 65535. */
  port: number
  /** IP address of the server without a zone, or `localhost`, which is 127.0.0.1. Default: 127.0.0.1. */
  host?: string | undefined
  /** IP address that the connection comes from, of the family of `host`. Default: the kernel chooses. */
  localAddress?: string | undefined
  /** Port that the connection comes from, 0 to 65535. Default: the kernel chooses. */
  localPort?: number | undefined
  /** Default: false. */
  allowHalfOpen?: boolean | undefined
  /** Default: false. */
  noDelay?: boolean | undefined
  /** Default: false. */
  keepAlive?: boolean | undefined
  /** Milliseconds. Default: 0. */
  keepAliveInitialDelay?: number | undefined
  /** Milliseconds of inactivity until the event `timeout`. Default: none. */
  timeout?: number | undefined
  /** If it is aborted, the socket is destroyed with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** The options of {@link Namespace.listen}; those that `server.listen()` has mean the same. */
export interface NamespaceListenOptions {
  /** Port, 0 to 65535; 0 lets the kernel choose. Default: 0. */
  port?: number | undefined
  /** IP address without a zone, or `localhost`, which is 127.0.0.1. Default: `::`, or 0.0.0.0 without IPv6. */
  host?: string | undefined
  /** Connections that wait to be accepted, at most. Default: 511. */
  backlog?: number | undefined
  /** Whether an IPv6 socket refuses IPv4. Default: false. */
  ipv6Only?: boolean | undefined
  /** The server that is to listen: a `net.Server`, also of `node:http` or `node:tls`. Default: a new one. */
  server?: Server | undefined
  /** If it is aborted, the server is closed. */
  signal?: AbortSignal | undefined
}

/** A server that listens on an address of IP. */
export interface NamespaceServer extends Server {
  /** Returns the address and port, from the call of `listen()` until the server is closed. */
  address: () => AddressInfo
}

const INT_MAX = 2_147_483_647

const netServer: Check<Server> = (what, value) => {
  if (value instanceof Server) return value
  throw invalidArgument(what, value, 'a net.Server')
}

const CONNECT = {
  port: integer(1, 65_535),
  host: hostAddress,
  localAddress: hostAddress,
  localPort: u16,
  allowHalfOpen: flag,
  noDelay: flag,
  keepAlive: flag,
  keepAliveInitialDelay: integer(0, INT_MAX),
  timeout: integer(0, INT_MAX),
  signal: abortSignal,
}

const LISTEN = {
  port: u16,
  host: hostAddress,
  backlog: integer(1, INT_MAX),
  ipv6Only: flag,
  server: netServer,
  signal: abortSignal,
}

/** Options of the constructor that Node has, and does not declare. */
type SocketOptions = SocketConstructorOpts & {
  /** Reading begins once the socket is connected. */
  manualStart: boolean
  noDelay: boolean | undefined
  keepAlive: boolean | undefined
  keepAliveInitialDelay: number | undefined
}

/** Returns a socket of the namespace that connects. */
export function connectIn(
  native: NativeNamespace,
  options: NamespaceConnectOptions,
  onConnect: unknown,
): Socket {
  const { signal, timeout, ...checked } = checkFields('options', options, CONNECT)
  const { host = '127.0.0.1', localAddress, localPort, ...rest } = checked
  const port = checked.port ?? CONNECT.port('port', undefined)
  const listener = checkListener('connectListener', onConnect)
  checkFamily('localAddress', localAddress, host)
  throwIfAborted(signal)
  const request = {
    isStream: true,
    address: host,
    reuseAddress: false,
    ipv6Only: false,
  }
  const socket = withSocket(native, request, (fd) => {
    const { allowHalfOpen, noDelay, keepAlive, keepAliveInitialDelay } = rest
    const ours: SocketOptions = {
      fd,
      manualStart: true,
      allowHalfOpen,
      noDelay,
      keepAlive,
      keepAliveInitialDelay,
    }
    return new Socket(ours)
  })
  if (timeout !== undefined) socket.setTimeout(timeout)
  if (listener) socket.once('connect', listener)
  const release = onceAborted(signal, () => {
    socket.destroy(asError(signal?.reason))
  })
  socket.once('close', release)
  return socket.connect({
    host,
    port,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(localPort === undefined ? {} : { localPort }),
  })
}

/** Returns a server that listens in the namespace. */
export function listenIn(
  native: NativeNamespace,
  options: NamespaceListenOptions,
  onConnection: unknown,
): NamespaceServer {
  const { server: given, signal, ...checked } = checkFields('options', options, LISTEN)
  const listener = checkListener('connectionListener', onConnection)
  throwIfAborted(signal)
  if (given?.listening) {
    throw invalidArgument('server', given, 'a server that does not listen')
  }
  if (cluster.isWorker) {
    throw new TunError(
      'listen in a namespace: a worker of node:cluster gets its sockets from the primary process; listen in the primary process instead',
      { code: 'ERR_TUN_UNSUPPORTED', advice: 'listen in the primary process instead' },
    )
  }
  const server = given ?? createServer()
  if (listener) server.on('connection', listener)
  try {
    adoptListener(native, checked, server)
  } catch (error) {
    if (listener) server.off('connection', listener)
    throw error
  }
  const release = onceAborted(signal, () => {
    server.close()
  })
  server.once('close', release)
  return server as NamespaceServer
}

/** Has the server listen on the first address that the namespace has. */
function adoptListener(
  native: NativeNamespace,
  {
    host,
    port = 0,
    backlog = 511,
    ipv6Only = false,
  }: ReturnType<typeof checkFields<typeof LISTEN>>,
  server: Server,
): void {
  const listenOn = (address: string) => {
    const request = { isStream: true, address, port, reuseAddress: true, ipv6Only }
    withSocket(native, request, (fd) => server.listen({ fd }, backlog as never))
  }
  if (host !== undefined) {
    listenOn(host)
    return
  }
  try {
    listenOn('::')
  } catch (error) {
    const codes = ['ERR_TUN_UNSUPPORTED', 'ERR_TUN_ADDRESS_NOT_AVAILABLE']
    if (!(error instanceof TunError && codes.includes(error.code))) throw error
    listenOn('0.0.0.0')
  }
}

/** Checks a listener that may be absent; what it takes cannot be checked. */
export function checkListener(what: string, listener: unknown): Listener | undefined {
  return listener === undefined ? undefined : callback<Listener>()(what, listener)
}

/** Any listener of an event of Node. */
type Listener = (...args: unknown[]) => void

/** Returns the reason of an abort as the error that a stream is destroyed with. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
