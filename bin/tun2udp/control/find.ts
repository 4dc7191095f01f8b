import { TunError } from '../../../lib/errors.ts'
import { isListening } from '../listen.ts'
import { type RelaySocket, checkSocket, findSocket, folderNames, listSockets } from './path.ts'

/**
 * Returns the sockets of the running relays in the default folders.
 *
 * @throws {TunError} a folder is not safe to use.
 */
export async function findRunning(): Promise<RelaySocket[]> {
  const all = listSockets()
  const are = await Promise.all(all.map(async ({ path }) => isListening(path)))
  return all.filter((_, index) => are[index])
}

/**
 * Returns the socket of a relay by the name of its interface or the path of its socket. Without a name it is the only
 * running relay.
 *
 * @throws {TunError} there is no such relay, or there are several.
 */
export async function findOne(name: string | undefined): Promise<RelaySocket> {
  if (name !== undefined) return findSocket(name)
  const running = await findRunning()
  const [only, ...others] = running
  if (!only) throw noRelay()
  if (others.length === 0) return checkSocket(only)
  const names = running.map((socket) => socket.name).join(', ')
  throw new TunError(`choose a relay: several are running: ${names}; give the name of one`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
  })
}

/**
 * Returns the socket of a relay as {@link findOne} does, or those of all running relays without a name.
 *
 * @throws {TunError} there is no such relay, or none at all.
 */
export async function findAll(name: string | undefined): Promise<RelaySocket[]> {
  if (name !== undefined) return [await findOne(name)]
  const running = await findRunning()
  if (running.length === 0) throw noRelay()
  return running
}

/** Returns the error of a machine without a relay. */
function noRelay(): TunError {
  return new TunError(
    `find a relay: none has a socket in ${folderNames()}; give the path of --control, which contains a slash`,
    { code: 'ERR_TUN_NOT_FOUND' },
  )
}
