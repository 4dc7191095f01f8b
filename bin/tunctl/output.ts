import { writeSync } from 'node:fs'
import { endByBrokenPipe } from '../../lib/persistent/tunctl.ts'

/** The usage text of the program of uml-utilities. */
export const USAGE = `\
Create: tunctl [-b] [-u owner] [-g group] [-t device-name] [-f tun-clone-device]
Delete: tunctl -d device-name [-f tun-clone-device]

The default tun clone device is /dev/net/tun - some systems use
/dev/misc/net/tun instead

-b will result in brief output (just the device name)
`

/** Descriptors of the standard streams. */
export const STDOUT = 1
export const STDERR = 2

/**
 * Writes to a standard stream synchronously, as a C program does. A closed or full stream is ignored, and a pipe without
 * a reader ends the process by SIGPIPE.
 *
 * @param text one character per byte.
 */
export async function write(fd: typeof STDOUT | typeof STDERR, text: string): Promise<void> {
  try {
    for (let rest = Buffer.from(text, 'latin1'); rest.length > 0;) {
      rest = rest.subarray(writeSync(fd, rest))
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') await endByBrokenPipe()
  }
}
