import { readFile } from 'node:fs/promises'
import { type RelayOptions, TunError } from '../../../index.ts'
import { refusedArgument } from '../../../lib/errors.ts'
import { offsetOf } from './locate.ts'
import { positionOf, problem } from './problem.ts'
import { parseSyntax, propertiesOf, valueOf } from './syntax.ts'

/** The largest file, bytes: room for the largest list of peers. */
const BYTES_MAX = 32 << 20

/** The property that names the JSON Schema, for editors. */
const SCHEMA = '$schema'

/** The arguments that a start checks with the options, and that a file cannot have. */
const COMMAND_LINE_ONLY: readonly string[] = ['user', 'group']

/** Options of the library that a file cannot have, although JSON can express them: descriptors belong to one process. */
const LIBRARY_ONLY: readonly string[] = ['descriptors']

/** A configuration file. */
export interface Config {
  readonly options: RelayOptions
  /** Returns an error about an option with its place in the file, and any other error as it is. */
  readonly locate: (error: unknown) => unknown
}

/**
 * Reads a configuration file. The options are not checked: the start or the reload of a relay checks them, and `locate`
 * adds the place to its errors. The permissions of the file are not checked either: it contains no secrets.
 *
 * @param replaced options of the command line, which replace those of the file.
 * @throws {TunError} `FILE:LINE:COLUMN: REASON` if the syntax of the file is wrong; an error without a place if it cannot
 *   be read, is not text in UTF-8, or is too large.
 */
export async function readConfig(
  file: string,
  replaced: Partial<RelayOptions> = {},
): Promise<Config> {
  return parseConfig(file, await readBytes(file), replaced)
}

/** Parses the bytes of a configuration file, as {@link readConfig} does. */
export function parseConfig(
  file: string,
  bytes: Uint8Array,
  replaced: Partial<RelayOptions> = {},
): Config {
  const text = decode(file, bytes)
  const root = parseSyntax(text)
  if ('reason' in root) throw problem(file, positionOf(text, root.offset), root.reason)
  const given = propertiesOf(root).filter(({ name }) => name !== SCHEMA)
  const refused = given.find(({ name }) => LIBRARY_ONLY.includes(name))
  if (refused) {
    const reason = `${JSON.stringify(refused.name)} is not an option of a file: descriptors belong to one process`
    throw problem(file, positionOf(text, refused.key.offset), reason)
  }
  const values = Object.fromEntries(given.map(({ name, value }) => [name, valueOf(value)]))
  const options = { ...values, ...replaced } as unknown as RelayOptions
  const locate = (error: unknown) => {
    const argument = refusedArgument(error)
    if (!argument || !(error instanceof TunError)) return error
    const name = argument.option ?? argument.what
    if (COMMAND_LINE_ONLY.includes(name) || Object.hasOwn(replaced, name)) return error
    return problem(file, positionOf(text, offsetOf(root, argument)), error.message, error)
  }
  return { options, locate }
}

function decode(file: string, bytes: Uint8Array): string {
  if (bytes.length > BYTES_MAX) throw unreadable(file, `larger than ${BYTES_MAX >> 20} MiB`)
  try {
    // A byte order mark is left out.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw unreadable(file, 'not text in UTF-8', cause)
  }
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (cause) {
    const { code, errno = 0, syscall = 'open' } = cause as NodeJS.ErrnoException
    throw new TunError(
      `read the configuration file ${file}: ${REASONS[code ?? ''] ?? code ?? String(cause)}`,
      {
        code: code === 'ENOENT' ? 'ERR_TUN_NOT_FOUND' : 'ERR_TUN_SYSTEM',
        errno: Math.abs(errno),
        syscall,
        subject: file,
      },
      { cause },
    )
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path after --config',
  EACCES: 'permission denied; the user of the process must be able to read it',
  EISDIR: 'it is a folder; give the path of a file',
}

function unreadable(file: string, reason: string, cause?: unknown): TunError {
  return new TunError(
    `read the configuration file ${file}: ${reason}`,
    { code: 'ERR_TUN_INVALID_ARGUMENT', subject: file },
    { cause },
  )
}
