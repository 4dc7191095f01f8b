import { isUint8Array } from 'node:util/types'
import { invalidArgument } from '../errors.ts'

/**
 * Checks that a value is a Uint8Array, not an object that inherits from one.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function checkBytes(what: string, bytes: unknown): void {
  if (!isUint8Array(bytes)) throw invalidArgument(what, bytes, 'a Uint8Array')
}

/** Returns the 16-bit number at that offset, in network byte order. */
export function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Returns the 32-bit number at that offset, in network byte order. */
export function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x1_0000 + uint16(bytes, at + 2)
}

/** Writes a 16-bit number in network byte order. */
export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

/** Writes a 32-bit number in network byte order. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  putUint16(bytes, at, value >>> 16)
  putUint16(bytes, at + 2, value & 0xffff)
}
