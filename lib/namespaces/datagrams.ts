import { type Socket, createSocket } from 'node:dgram'
import type { NativeNamespace } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { type Check, checkFields, flag, integer, u16 } from '../check/fields.ts'
import { TunError, invalidArgument } from '../errors.ts'
import { checkFamily, hostAddress } from './addresses.ts'
import { checkOpen, withSocket } from './open.ts'
import { checkListener } from './streams.ts'

/** The options of {@link Namespace.createSocket}; they mean what they mean in `dgram.createSocket()`. */
export interface NamespaceSocketOptions {
  /** The family of the socket. */
  type: 'udp4' | 'udp6'
  /** Whether several sockets may be bound to the same address. Default: false. */
  reuseAddr?: boolean | undefined
  /** Whether an IPv6 socket refuses IPv4. Default: false. */
  ipv6Only?: boolean | undefined
  /** `SO_RCVBUF`, bytes. Default: that of the kernel. */
  recvBufferSize?: number | undefined
  /** `SO_SNDBUF`, bytes. Default: that of the kernel. */
  sendBufferSize?: number | undefined
  /** If it is aborted, the socket is closed. */
  signal?: AbortSignal | undefined
}

const type: Check<'udp4' | 'udp6'> = (what, value) => {
  if (value === 'udp4' || value === 'udp6') return value
  throw invalidArgument(what, value, '"udp4" or "udp6"')
}

const bytes = integer(1, 2_147_483_647)

const OPTIONS = {
  type,
  reuseAddr: flag,
  ipv6Only: flag,
  recvBufferSize: bytes,
  sendBufferSize: bytes,
  signal: abortSignal,
}

/**
 * Returns a socket that binds in the namespace: by `bind()`, or by the first `send()` or `connect()`, which call
 * `bind()` of the object.
 */
export function createSocketIn(
  native: NativeNamespace,
  options: 'udp4' | 'udp6' | NamespaceSocketOptions,
  onMessage: unknown,
): Socket {
  const given = typeof options === 'string' ? { type: options } : options
  const {
    signal,
    type: family = type('type', undefined),
    ...checked
  } = checkFields('options', given, OPTIONS)
  const listener = checkListener('messageListener', onMessage)
  throwIfAborted(signal)
  checkOpen(native)
  const socket = createSocket({ ...checked, type: family })
  if (listener) socket.on('message', listener)
  bindInside(native, socket, { family, ...checked })
  const release = onceAborted(signal, () => {
    closeOnce(socket)
  })
  socket.once('close', release)
  return socket
}

/** The options that matter when the socket is bound. */
interface Bound {
  readonly family: 'udp4' | 'udp6'
  readonly reuseAddr?: boolean
  readonly ipv6Only?: boolean
}

/** Replaces `bind()` of a socket by one that binds in the namespace. */
function bindInside(
  native: NativeNamespace,
  socket: Socket,
  { family, reuseAddr: reuseAddress = false, ipv6Only = false }: Bound,
): void {
  const bind = socket.bind.bind(socket) as (...args: unknown[]) => Socket
  const wildcard = family === 'udp4' ? '0.0.0.0' : '::'
  const inside = (...args: unknown[]): Socket => {
    const [first] = args
    if (typeof first === 'object' && first !== null && 'fd' in first) return bind(...args)
    const { port, address } = bindingOf(args)
    const request = {
      isStream: false,
      address: hostAddress('address', address ?? wildcard),
      port: u16('port', port ?? 0),
      reuseAddress,
      ipv6Only,
    }
    checkFamily('address', request.address, wildcard)
    const callbacks = args.slice(-1).filter((last) => typeof last === 'function')
    try {
      return withSocket(native, request, (fd) =>
        listeningLater(socket, () => bind({ fd, exclusive: true }, ...callbacks)),
      )
    } catch (error) {
      // Node throws for wrong calls, and emits an event for failures of the kernel.
      if (!(error instanceof TunError)) throw error
      process.nextTick(() => socket.emit('error', error))
      return socket
    }
  }
  socket.bind = inside
}

/**
 * Binds a socket, whose event `listening` is emitted after the call. Of a descriptor Node emits it within the call,
 * where no listener can be there yet.
 */
function listeningLater(socket: Socket, bind: () => Socket): Socket {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean
  const later = () => {
    if (isBound(socket)) emit('listening')
  }
  socket.emit = (event: string, ...args: unknown[]) => {
    if (event !== 'listening') return emit(event, ...args)
    process.nextTick(later)
    return true
  }
  try {
    return bind()
  } finally {
    Reflect.deleteProperty(socket, 'emit')
  }
}

/** Whether a socket has an address; one that was closed has none. */
function isBound(socket: Socket): boolean {
  try {
    return socket.address().port > 0
  } catch {
    return false
  }
}

/** Returns the port and address of `bind(port, address)`, `bind(options)` and their like. */
function bindingOf([first, second]: unknown[]): { port?: unknown; address?: unknown } {
  if (typeof first === 'object' && first !== null) return first
  return {
    port: typeof first === 'function' ? undefined : first,
    address: typeof second === 'function' ? undefined : second,
  }
}

/** Closes a socket that may be closed already. */
export function closeOnce(socket: Socket): void {
  try {
    socket.close()
  } catch {
    // It was closed.
  }
}
