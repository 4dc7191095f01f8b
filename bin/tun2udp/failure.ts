import { TunError, type TunErrorCode, messageOf } from '../../lib/errors.ts'
import { STATUS } from './status.ts'

/** The end of a message about an option. */
export const HINT = 'see `tun2udp --help`'

/** Returns the exit status for an error. */
export function statusOf(error: unknown): number {
  return isUsageError(error) ? STATUS.usage : STATUS.failure
}

/** Returns one line without a stack: the message of a {@link TunError} has the advice. */
export function describeError(error: unknown, hint = HINT): string {
  const line = messageOf(error).replaceAll(/\s*\n\s*/gu, ' ')
  return isUsageError(error) && line.startsWith('Invalid ') ? `${line}; ${hint}` : line
}

/** The codes and reasons of errors by their names. */
export type Reasons = Readonly<Record<string, readonly [TunErrorCode, string]>>

/** Returns the error of a socket for an error of Node; `name` is that of the reason. */
export function socketError(
  { operation, subject }: { readonly operation: string; readonly subject: string },
  reasons: Reasons,
  cause: NodeJS.ErrnoException,
  name = cause.code ?? '',
): TunError {
  const [code, reason] = reasons[name] ?? ['ERR_TUN_SYSTEM', cause.message]
  const { errno, syscall } = cause
  return new TunError(
    `${operation} ${subject}: ${reason}`,
    {
      code,
      subject,
      ...(errno === undefined ? {} : { errno: Math.abs(errno) }),
      ...(syscall === undefined ? {} : { syscall }),
    },
    { cause },
  )
}

/** Returns whether the arguments are wrong, independent of the state of the system. */
function isUsageError(error: unknown): boolean {
  return (
    error instanceof TunError &&
    error.errno === undefined &&
    (error.code === 'ERR_TUN_INVALID_ARGUMENT' || error.code === 'ERR_TUN_INVALID_NAME')
  )
}
