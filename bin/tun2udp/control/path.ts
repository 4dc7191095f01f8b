import { type Stats, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { TunError, codeOf, messageOf } from '../../../lib/errors.ts'
import { PATH_BYTES_MAX, fitsSocket } from '../unixPath.ts'

/** The folder of root. An administrator or a service creates it. */
const ROOT_FOLDER = '/run/tun2udp'

/** The name of the folder of a user, in the run-time folder of the user. */
const USER_FOLDER = 'tun2udp'

const SUFFIX = '.sock'

/** Write permissions of the group and of others. */
const WRITABLE = 0o022

/** The control socket of a relay. */
export interface RelaySocket {
  /** The name of the interface, for a socket in a default folder; otherwise the path. */
  readonly name: string
  readonly path: string
}

/**
 * Returns the path of the control socket of a relay without `--control`; nothing if there is no folder for it. The folder
 * of a user is created.
 *
 * @param name name of the interface.
 * @throws {TunError} the folder belongs to another user, others may write to it, or the path is too long.
 */
export function defaultPath(name: string): string | undefined {
  const folder = defaultFolders()[0]
  if (folder === undefined) return undefined
  if (!isRoot() && folder === userFolder()) createFolder(folder)
  const found = statOf(folder)
  if (!found) return undefined
  checkFolder(folder, found)
  const path = join(folder, `${name}${SUFFIX}`)
  if (fitsSocket(path)) return path
  throw refused(path, `longer than ${PATH_BYTES_MAX} bytes`, 'give a shorter one with --control')
}

/**
 * Returns the sockets in the default folders, also those of relays that have ended. A service has a folder of its own in
 * the folder of root.
 *
 * @throws {TunError} a folder belongs to another user, or others may write to it.
 */
export function listSockets(): RelaySocket[] {
  return defaultFolders().flatMap((folder) => {
    const found = statOf(folder)
    if (!found) return []
    checkFolder(folder, found)
    return [folder, ...foldersIn(folder)].flatMap(socketsIn)
  })
}

/**
 * Returns the socket that a user means.
 *
 * @param name name of the interface, or a path, which contains a slash.
 * @throws {TunError} `ERR_TUN_NOT_FOUND`, or the socket is not safe to use.
 */
export function findSocket(name: string): RelaySocket {
  if (name.includes('/')) return checkSocket({ name, path: name })
  const all = listSockets()
  const found = all.find((socket) => socket.name === name)
  if (found) return checkSocket(found)
  const names = all.map((socket) => socket.name)
  const advice =
    names.length === 0
      ? `no relay has a socket in ${folderNames()}; give the path of --control, which contains a slash`
      : `there are ${names.join(', ')}; give one of them, or a path, which contains a slash`
  throw new TunError(`find the relay ${JSON.stringify(name)}: ${advice}`, {
    code: 'ERR_TUN_NOT_FOUND',
    subject: name,
    advice,
  })
}

/** Returns the default folders for an error message. */
export function folderNames(): string {
  return defaultFolders().join(' or ') || 'a run-time folder'
}

/**
 * Checks that a socket belongs to this user or to root, and that others may not write to it. Root may use those of all
 * users.
 *
 * @throws {TunError} `ERR_TUN_PERMISSION`
 */
export function checkSocket(socket: RelaySocket): RelaySocket {
  const { path } = socket
  if (!fitsSocket(path)) {
    throw refused(path, `not a path of 1 to ${PATH_BYTES_MAX} bytes`, 'give the path of --control')
  }
  let found: Stats | undefined
  try {
    found = statSync(path, { throwIfNoEntry: false })
  } catch {
    // Connecting to it has the reason.
  }
  if (!found) return socket
  if (!found.isSocket()) throw refused(path, 'not a socket', 'give the path of --control')
  if (!isRoot() && !isTrusted(found)) throw foreign(path, found)
  if ((found.mode & WRITABLE) !== 0) throw refused(path, 'others may write to it', 'do not use it')
  return socket
}

function defaultFolders(): string[] {
  // Of several ones, separated by colons, the first one is used.
  const service = process.env['RUNTIME_DIRECTORY']?.split(':', 1)[0]
  const folders = [service, isRoot() ? ROOT_FOLDER : userFolder()]
  return [...new Set(folders.filter((folder) => folder !== undefined && folder !== ''))] as string[]
}

function userFolder(): string | undefined {
  const parent = process.env['XDG_RUNTIME_DIR']
  return parent?.startsWith('/') ? join(parent, USER_FOLDER) : undefined
}

/** Creates the folder of a user, if it is missing and the run-time folder of the user exists. */
function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'EEXIST' && code !== 'ENOENT') throw unusable(folder, error)
  }
}

/** Returns the state of a folder itself, not of the target of a link; nothing if it does not exist. */
function statOf(folder: string): Stats | undefined {
  try {
    return lstatSync(folder, { throwIfNoEntry: false })
  } catch (error) {
    throw unusable(folder, error)
  }
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name))
  } catch (error) {
    throw unusable(folder, error)
  }
}

function socketsIn(folder: string): RelaySocket[] {
  const owner = lstatSync(folder, { throwIfNoEntry: false })
  if (!owner || (owner.mode & WRITABLE) !== 0) return []
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isSocket() && entry.name.endsWith(SUFFIX))
      .map(({ name }) => ({ name: name.slice(0, -SUFFIX.length), path: join(folder, name) }))
      .sort((one, other) => (one.name < other.name ? -1 : 1))
  } catch {
    // Of a folder that this user may not read, the sockets are not known.
    return []
  }
}

function checkFolder(path: string, found: Stats): void {
  if (!found.isDirectory()) throw refused(path, 'not a folder', 'remove it')
  if (!isTrusted(found)) throw foreign(path, found)
  if ((found.mode & WRITABLE) !== 0) {
    throw refused(path, 'others may write to it', `run \`chmod go-w ${path}\``)
  }
}

function isTrusted({ uid }: Stats): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

function foreign(path: string, { uid }: Stats): TunError {
  return refused(path, `it belongs to the user ${uid}`, 'give another path with --control')
}

/** Returns the error of a folder that this user may not use, such as that of another user. */
function unusable(path: string, cause: unknown): TunError {
  const advice = 'give a path with --control, or set XDG_RUNTIME_DIR to a folder of this user'
  const reason = codeOf(cause) === 'EACCES' ? 'permission denied' : messageOf(cause)
  return refused(path, reason, advice)
}

function refused(path: string, reason: string, advice: string): TunError {
  return new TunError(`use ${path} for commands: ${reason}; ${advice}`, {
    code: 'ERR_TUN_PERMISSION',
    subject: path,
    advice,
  })
}
