import { invalidArgument } from '../errors.ts'

/** Length of an Ethernet address, bytes. */
const MAC_BYTES = 6

/**
 * Parses an Ethernet address: six hexadecimal bytes separated by colons or hyphens.
 *
 * @param what the property or argument that holds the address, for the error.
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function parseMac(text: unknown, what = 'MAC address'): Uint8Array {
  const isMac =
    typeof text === 'string' &&
    /^[\da-f]{1,2}(?::[\da-f]{1,2}){5}$|^[\da-f]{1,2}(?:-[\da-f]{1,2}){5}$/iu.test(text)
  if (!isMac)
    throw invalidArgument(what, text, 'six bytes in hexadecimal, such as 02:00:00:00:00:01')
  return Uint8Array.from(text.split(/[:-]/u), (byte) => Number.parseInt(byte, 16))
}

/** Formats an Ethernet address, in lower case with colons. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, MAC_BYTES), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join(':')
}
