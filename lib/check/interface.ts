import { MTU_MAX, MTU_MIN, NAME_BYTES_MAX } from './limits.ts'
import { invalidArgument } from '../errors.ts'

/**
 * Checks the name of an interface by the kernel's rules (`dev_valid_name` and `dev_alloc_name` of net/core/dev.c).
 * The kernel replaces a single `%d` by the first free number.
 */
export function checkName(name: unknown): string {
  if (typeof name === 'string' && isName(name)) return name
  throw invalidArgument(
    'name',
    name,
    'at most 15 bytes without "/", ":" and blanks, not "." or "..", with at most one "%", and that as "%d"',
    { code: 'ERR_TUN_INVALID_NAME' },
  )
}

function isName(name: string): boolean {
  if (!isLinkName(name)) return false
  const percent = name.indexOf('%')
  return percent === -1 || (name[percent + 1] === 'd' && !name.includes('%', percent + 1))
}

/** Returns whether an existing interface can have this name (`dev_valid_name` of net/core/dev.c). */
export function isLinkName(name: string): boolean {
  const bytes = Buffer.from(name)
  if (bytes.length === 0 || bytes.length > NAME_BYTES_MAX || name === '.' || name === '..')
    return false
  // The kernel reads bytes as Latin-1, where 0xa0 is a blank too: it refuses an "à" in UTF-8.
  const refused = (byte: number) =>
    byte === 0 ||
    byte === 0x2f ||
    byte === 0x3a ||
    byte === 0x20 ||
    byte === 0xa0 ||
    (byte >= 0x09 && byte <= 0x0d)
  return !bytes.some(refused)
}

/** Checks the name of an existing interface that sockets are bound to. */
export function checkBindDevice(name: unknown): string {
  if (typeof name === 'string' && isLinkName(name)) return name
  throw invalidArgument(
    'bindDevice',
    name,
    'the name of an existing interface: at most 15 bytes without "/", ":" and blanks, not "." or ".."',
    { code: 'ERR_TUN_INVALID_NAME' },
  )
}

/** Checks an MTU in bytes. */
export function checkMtu(mtu: unknown): number {
  if (Number.isInteger(mtu) && (mtu as number) >= MTU_MIN && (mtu as number) <= MTU_MAX)
    return mtu as number
  throw invalidArgument('MTU', mtu, `a whole number of bytes from ${MTU_MIN} to ${MTU_MAX}`)
}

/** The longest path, `PATH_MAX` of linux/limits.h, including the trailing NUL. */
const PATH_MAX = 4096

/** Checks the path of the driver's clone device. */
export function checkCloneDevice(path: unknown): string {
  const isPath = typeof path === 'string' && path !== '' && !path.includes('\0')
  if (isPath && Buffer.byteLength(path) < PATH_MAX) return path
  throw invalidArgument('cloneDevice', path, 'the path of a device node, such as "/dev/net/tun"')
}
