/**
 * The stable name of an error. Match on this, never on the message.
 *
 * - `ERR_TUN_INVALID_ARGUMENT`: an option is out of range or malformed.
 * - `ERR_TUN_INVALID_NAME`: the kernel does not accept the interface name.
 * - `ERR_TUN_BUSY`: the device is held by another process.
 * - `ERR_TUN_PERMISSION`: a capability, an ownership or a file mode is missing.
 * - `ERR_TUN_NO_DEVICE_NODE`: `/dev/net/tun` does not exist.
 * - `ERR_TUN_NO_DRIVER`: the kernel has no TUN driver, or it is not loaded.
 * - `ERR_TUN_DEVICE_MISMATCH`: the device exists with another type or queue mode.
 * - `ERR_TUN_NOT_FOUND`: the interface, address, route, namespace or user does not exist.
 * - `ERR_TUN_EXISTS`: the address, route or interface already exists.
 * - `ERR_TUN_ADDRESS_IN_USE`: another socket uses the local UDP address.
 * - `ERR_TUN_ADDRESS_NOT_AVAILABLE`: the local UDP address is not an address of this machine.
 * - `ERR_TUN_UNREACHABLE`: there is no route to the peer or the network.
 * - `ERR_TUN_UNKNOWN_HOST`: the peer's name does not resolve to an address.
 * - `ERR_TUN_DEVICE_DELETED`: the interface was deleted while it was in use.
 * - `ERR_TUN_INTERFACE_DOWN`: a packet was written while the interface was down.
 * - `ERR_TUN_PACKET_REFUSED`: the kernel refused a packet.
 * - `ERR_TUN_DETACHED`: a packet was written while every queue of the device was detached.
 * - `ERR_TUN_CLOSED`: the device, relay or session is closed.
 * - `ERR_TUN_LOCKED`: another loop or stream is reading from the device.
 * - `ERR_TUN_ROUTE_LOOP`: the relay's own datagrams would be sent into the tunnel.
 * - `ERR_TUN_UNSUPPORTED`: this kernel does not support the operation.
 * - `ERR_TUN_INTERRUPTED`: a table changed while it was read, or a take-over of a relay failed half-way.
 * - `ERR_TUN_TIMEOUT`: the awaited event did not happen in time.
 * - `ERR_TUN_EXHAUSTED`: a resource of the system ran out.
 * - `ERR_TUN_SYSTEM`: any other failing system call.
 * - `ERR_TUN_NATIVE_LOAD`: the native addon is missing or cannot be loaded.
 * - `ERR_TUN_INTERNAL`: a defect of this package; please report it.
 */
export type TunErrorCode =
  | 'ERR_TUN_INVALID_ARGUMENT'
  | 'ERR_TUN_INVALID_NAME'
  | 'ERR_TUN_BUSY'
  | 'ERR_TUN_PERMISSION'
  | 'ERR_TUN_NO_DEVICE_NODE'
  | 'ERR_TUN_NO_DRIVER'
  | 'ERR_TUN_DEVICE_MISMATCH'
  | 'ERR_TUN_NOT_FOUND'
  | 'ERR_TUN_EXISTS'
  | 'ERR_TUN_ADDRESS_IN_USE'
  | 'ERR_TUN_ADDRESS_NOT_AVAILABLE'
  | 'ERR_TUN_UNREACHABLE'
  | 'ERR_TUN_UNKNOWN_HOST'
  | 'ERR_TUN_DEVICE_DELETED'
  | 'ERR_TUN_INTERFACE_DOWN'
  | 'ERR_TUN_PACKET_REFUSED'
  | 'ERR_TUN_DETACHED'
  | 'ERR_TUN_CLOSED'
  | 'ERR_TUN_LOCKED'
  | 'ERR_TUN_ROUTE_LOOP'
  | 'ERR_TUN_UNSUPPORTED'
  | 'ERR_TUN_INTERRUPTED'
  | 'ERR_TUN_TIMEOUT'
  | 'ERR_TUN_EXHAUSTED'
  | 'ERR_TUN_SYSTEM'
  | 'ERR_TUN_NATIVE_LOAD'
  | 'ERR_TUN_INTERNAL'

/** The parts of a {@link TunError} besides its message. A part that does not apply is absent. */
export interface TunErrorDetails {
  /** The stable name of the error. */
  readonly code: TunErrorCode
  /** The positive error number of errno(3), if a system call failed. */
  readonly errno?: number
  /** The failed system call or netlink request: `bind`, `ioctl(TUNSETIFF)`, `RTM_NEWADDR`. */
  readonly syscall?: string
  /** The subject of the operation: an interface, an address, a path, a peer. */
  readonly subject?: string
  /** The text of the kernel: the extended-ACK text of netlink(7), `NLMSGERR_ATTR_MSG`. */
  readonly kernelMessage?: string
  /** The attribute of the netlink request that the kernel reported: `IFLA_MTU`. */
  readonly attribute?: string
  /** Advice for the user. */
  readonly advice?: string
}

const OPTIONAL_DETAILS = [
  'errno',
  'syscall',
  'subject',
  'kernelMessage',
  'attribute',
  'advice',
] as const

/**
 * The class of all errors of this package.
 *
 * Its message is one line: `OPERATION SUBJECT: REASON (KERNEL TEXT, ATTRIBUTE); ADVICE`.
 */
export class TunError extends Error implements TunErrorDetails {
  readonly code: TunErrorCode
  declare readonly errno?: number
  declare readonly syscall?: string
  declare readonly subject?: string
  declare readonly kernelMessage?: string
  declare readonly attribute?: string
  declare readonly advice?: string

  constructor(message: string, details: TunErrorDetails, options?: ErrorOptions) {
    super(message, options)
    this.code = details.code
    for (const key of OPTIONAL_DETAILS) {
      const value = details[key]
      // Absent rather than undefined, so that a printed error lists only existing parts.
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true })
    }
  }

  static {
    // On the prototype, as for the errors of the language, so that it is not listed with the details.
    Object.defineProperty(this.prototype, 'name', { value: 'TunError' })
  }
}

/** Additional parts of the error of a refused option; `cause` was thrown while the option was read. */
export interface Refusal extends ErrorOptions {
  /** Default: `ERR_TUN_INVALID_ARGUMENT`. */
  readonly code?: TunErrorCode
  /** Advice for the user. */
  readonly advice?: string | undefined
  /** The option that refuses the argument. Default: that of {@link addOption}. */
  readonly option?: string
}

/** The argument that an error of {@link invalidArgument} is about. */
export interface RefusedArgument {
  /** Its name, or its place such as `peers[2].name`. */
  readonly what: string
  readonly value: unknown
  /** The option that it is a part of, or that refuses it. */
  readonly option?: string
}

const refused = new WeakMap<TunError, RefusedArgument>()

/** Returns the argument that was refused; nothing for other errors. */
export function refusedArgument(error: unknown): RefusedArgument | undefined {
  return error instanceof TunError ? refused.get(error) : undefined
}

/** Adds the option whose check threw an error. The outermost one stays. */
export function addOption(error: unknown, option: string): void {
  const argument = refusedArgument(error)
  if (argument) refused.set(error as TunError, { ...argument, option })
}

/** Returns the error of a refused option: `Invalid WHAT VALUE: expected EXPECTED; ADVICE`. */
export function invalidArgument(
  what: string,
  value: unknown,
  expected: string,
  refusal: Refusal = {},
): TunError {
  const { code = 'ERR_TUN_INVALID_ARGUMENT', advice, option } = refusal
  const subject = typeof value === 'string' ? shorten(value) : show(value)
  const end = advice === undefined ? '' : `; ${advice}`
  const error = new TunError(
    `Invalid ${what} ${show(value)}: expected ${expected}${end}`,
    { code, subject, ...(advice === undefined ? {} : { advice }) },
    refusal,
  )
  refused.set(error, { what, value, ...(option === undefined ? {} : { option }) })
  return error
}

/**
 * Returns the error of a value that cannot be read: `Invalid WHAT: reading it failed: REASON`. A getter or a Proxy of
 * the caller threw `cause`.
 */
export function unreadable(what: string, cause: unknown): TunError {
  return new TunError(
    `Invalid ${what}: reading it failed: ${shorten(messageOf(cause))}; use an object of plain values`,
    { code: 'ERR_TUN_INVALID_ARGUMENT', subject: what },
    { cause },
  )
}

/**
 * Returns the message of an error, or the text of any other value. The shape decides and not the class: Jest, Vitest
 * and `node:vm` give each realm classes of its own.
 */
export function messageOf(error: unknown): string {
  try {
    const { message } = (error ?? {}) as { message?: unknown }
    return typeof message === 'string' ? message : String(error)
  } catch {
    return typeof error
  }
}

/** Returns the `code` of an error of any realm, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  try {
    const { code } = (error ?? {}) as { code?: unknown }
    return typeof code === 'string' ? code : undefined
  } catch {
    return undefined
  }
}

/** Characters of a value that a message shows. */
const SHOWN_MAX = 200

/** Returns a text, or the beginning of a long one: a message of any length would exceed what a string can hold. */
function shorten(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
}

/** Returns a value as a message shows it: quoted text on one line, or the name of its type. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value))
  if (typeof value === 'number') return String(value)
  if (typeof value === 'bigint') return showBigint(value)
  if (value === null || value === undefined || typeof value === 'boolean') return String(value)
  return isArray(value) ? 'array' : typeof value
}

/** Creating the text of a large bigint takes seconds. */
function showBigint(value: bigint): string {
  return BigInt.asIntN(256, value) === value ? String(value) : 'bigint'
}

/** Whether a value is an array; a revoked Proxy counts as none. */
export function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

/** The parts that the native layer writes into the message of its errors. */
interface NativeErrorParts extends TunErrorDetails {
  readonly message: string
}

/** Returns the {@link TunError} of an error thrown by the native layer (crate/node/src/error.rs). */
export function fromNative(error: unknown): TunError {
  if (error instanceof TunError) return error
  const text = messageOf(error)
  const parts = parseParts(text)
  if (parts) return new TunError(parts.message, parts)
  return new TunError(`native layer: ${text}; this is a defect, please report it`, {
    code: 'ERR_TUN_INTERNAL',
  })
}

/** Calls a native function, and throws its error as {@link fromNative} returns it. */
export function rethrown<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw fromNative(error)
  }
}

/** Awaits a native promise, and throws its error as {@link fromNative} returns it. */
export async function awaited<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw fromNative(error)
  }
}

function parseParts(text: string): NativeErrorParts | undefined {
  try {
    const parts: unknown = JSON.parse(text)
    return isParts(parts) ? parts : undefined
  } catch {
    return undefined
  }
}

function isParts(parts: unknown): parts is NativeErrorParts {
  return (
    typeof parts === 'object' &&
    parts !== null &&
    'code' in parts &&
    typeof parts.code === 'string' &&
    'message' in parts &&
    typeof parts.message === 'string'
  )
}
