import { once } from 'node:events'
import { existsSync, lstatSync, unlinkSync } from 'node:fs'
import { type Server, type Socket, connect } from 'node:net'
import { dirname } from 'node:path'
import { type Reasons, socketError } from './failure.ts'

/** Where a server listens: a TCP address and port, or the path of a Unix socket. */
export type ListenAddress =
  { readonly path: string } | { readonly host: string; readonly port: number }

/** The purpose of a server, in the words of its errors. */
export interface Purpose {
  /** The operation: `serve the metrics at`. */
  readonly operation: string
  /** The address as the user wrote it. */
  readonly subject: string
}

/**
 * Makes a server listen. A Unix socket has the mode 0600 from its first moment, and replaces the socket of a process of
 * this user that has ended. Closing the server removes the socket.
 *
 * @throws {TunError} the address is in use, not of this machine or not permitted, or the folder does not exist.
 */
export async function listenAt(
  server: Server,
  address: ListenAddress,
  purpose: Purpose,
): Promise<void> {
  if ('path' in address) await removeStale(address.path)
  // Only the owner may connect to a Unix socket. The socket is created during the call.
  const mask = process.umask(0o177)
  try {
    server.listen(address)
  } finally {
    process.umask(mask)
  }
  try {
    await once(server, 'listening')
  } catch (error) {
    // libuv reports a missing folder as EACCES.
    const isMissing = 'path' in address && !existsSync(dirname(address.path))
    const cause = error as NodeJS.ErrnoException
    throw socketError(purpose, REASONS, cause, isMissing ? 'ENOENT' : cause.code)
  }
  // A failed accept, such as of too many open files, concerns one client.
  server.on('error', () => undefined)
}

/** Removes the socket of a process of this user that has ended. Anything else at the path stays. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found?.isSocket() || found.uid !== process.geteuid?.()) return
  if (await isListening(path)) return
  // Another process that starts at this time may have replaced it in the meantime.
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === found.ino) unlinkSync(path)
}

/** Returns whether a process listens at the path of a socket. */
export async function isListening(path: string): Promise<boolean> {
  let socket: Socket | undefined
  try {
    socket = connect(path)
    await once(socket, 'connect')
    return true
  } catch (error) {
    // Any other error is of a process that is there, for example because its queue is full.
    return (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'
  } finally {
    socket?.destroy()
  }
}

const REASONS: Reasons = {
  EADDRINUSE: [
    'ERR_TUN_ADDRESS_IN_USE',
    'another program uses it, or a file is there; choose another one',
  ],
  EADDRNOTAVAIL: [
    'ERR_TUN_ADDRESS_NOT_AVAILABLE',
    'not an address of this machine; "ip address" lists them',
  ],
  EACCES: ['ERR_TUN_PERMISSION', 'not permitted; choose a port above 1023, or another folder'],
  ENOENT: ['ERR_TUN_NOT_FOUND', 'the folder does not exist; create it first'],
}
