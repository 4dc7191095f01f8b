import { invalidArgument } from '../errors.ts'

/** Where ip-netns(8) keeps the namespaces that have a name. */
const NAMED = '/run/netns'
/** `PID_MAX_LIMIT` of the 64-bit kernel (include/linux/threads.h). */
const PID_MAX = 4_194_304

/**
 * The path of a network namespace: `NAME` of ip-netns(8), a path (it has a `/`), or a process id,
 * as a number or as digits alone.
 */
export function namespacePath(netns: unknown): string {
  if (typeof netns === 'number') return ofProcess(netns, netns)
  if (typeof netns !== 'string' || !isText(netns)) throw refuse(netns)
  if (/^\d+$/u.test(netns)) return ofProcess(Number(netns), netns)
  return netns.includes('/') ? netns : `${NAMED}/${netns}`
}

function isText(netns: string): boolean {
  return netns !== '' && netns !== '.' && netns !== '..' && !netns.includes('\0')
}

function ofProcess(pid: number, given: string | number): string {
  if (!Number.isInteger(pid) || pid < 1 || pid > PID_MAX) throw refuse(given)
  return `/proc/${pid}/ns/net`
}

function refuse(netns: unknown): Error {
  return invalidArgument('netns', netns, `a name from \`ip netns list\`, a path, or a process id from 1 to ${PID_MAX}`)
}
