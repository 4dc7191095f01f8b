import { TunError, messageOf } from '../../lib/errors.ts'
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

/** Returns whether the arguments are wrong, independent of the state of the system. */
function isUsageError(error: unknown): boolean {
  return (
    error instanceof TunError &&
    error.errno === undefined &&
    (error.code === 'ERR_TUN_INVALID_ARGUMENT' || error.code === 'ERR_TUN_INVALID_NAME')
  )
}
