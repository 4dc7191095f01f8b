import type { RelayOptions } from '../../index.ts'
import { parseConfig } from '../../bin/tun2udp/config/config.ts'
import { checkOptions } from '../../lib/relay/options.ts'

/** The beginning of a file that has everything but the peers. */
export const BASE = '{ "addresses": ["10.9.0.1/24"],\n "receivePort": 5001,'

/** The beginning of a file that has everything that is needed. */
export const HEAD = `${BASE} "peers": [{ "endpoint": "b.example:5001" }],`

/**
 * Returns the options of a file with those that replace them. They are checked as the start of a relay checks them, and an
 * error has its place in the file.
 */
export function checked(
  file: string,
  bytes: Uint8Array,
  replaced: Partial<RelayOptions> = {},
): RelayOptions {
  const { options, locate } = parseConfig(file, bytes, replaced)
  try {
    checkOptions(options)
  } catch (error) {
    throw locate(error)
  }
  return options
}

/** Returns the options of a file, which are checked. */
export function parse(text: string): RelayOptions {
  return checked('hub.jsonc', Buffer.from(text))
}

/** Returns the error of a file without its name; an empty text if the file is right. */
export function problemOf(text: string): string {
  try {
    parse(text)
    return ''
  } catch (error) {
    return (error as Error).message.replace(/^hub\.jsonc:/u, '')
  }
}
