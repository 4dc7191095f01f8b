import { invalidArgument } from '../errors.ts'

/** `PID_MAX_LIMIT` of the 64-bit kernel (include/linux/threads.h). */
const PID_MAX = 4_194_304

/** The longest path, `PATH_MAX` of linux/limits.h, including the trailing NUL. */
const PATH_MAX = 4096

/**
 * Checks a network namespace: a name of ip-netns(8), a path, which contains a `/`, or a process id.
 *
 * - Text of digits only is a name if a namespace has that name, and a process id otherwise.
 * - A number is always a process id.
 * - `name:NAME` and `pid:N` state explicitly which of the two is meant.
 *
 * @returns the text for the native layer (crate/core/src/namespace/enter.rs).
 */
export function checkNamespace(netns: unknown): string {
  if (typeof netns === 'number' && isProcessId(netns)) return `pid:${netns}`
  if (typeof netns === 'string' && isNamespace(netns)) return netns
  throw invalidArgument(
    'netns',
    netns,
    `a name from \`ip netns list\`, a path, or a process id from 1 to ${PID_MAX}`,
  )
}

function isNamespace(netns: string): boolean {
  if (Buffer.byteLength(netns) >= PATH_MAX) return false
  if (/^\d+$/u.test(netns)) return isProcessId(Number(netns))
  return netns !== '' && netns !== '.' && netns !== '..' && !netns.includes('\0')
}

function isProcessId(pid: number): boolean {
  return Number.isInteger(pid) && pid >= 1 && pid <= PID_MAX
}
