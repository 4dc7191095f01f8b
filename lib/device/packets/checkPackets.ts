import { isUint8Array, isUint32Array } from 'node:util/types'
import { type TunError, fromNative, invalidArgument } from '../../errors.ts'
import type { PackedBatch } from './source.ts'

/** The maximum number of packets per write call; crate/node/src/sys/view.rs has the same limits. */
export const BATCH_PACKETS_MAX = 65_536
/** The maximum total size of the packets of one call, bytes. */
export const BATCH_BYTES_MAX = 256 * 1024 * 1024

const LIMITS = `at most ${BATCH_PACKETS_MAX} packets of at most ${BATCH_BYTES_MAX} bytes together`

/** Returns the error of a value that is not a packet. */
export function checkPacket(what: string, packet: unknown): TunError | undefined {
  return isUint8Array(packet) ? undefined : invalidArgument(what, packet, 'a Uint8Array')
}

/** Returns the error of a packet whose memory was transferred: it has no bytes any more. */
export function detachedPacket(what: string, packet: unknown): TunError | undefined {
  if (!isUint8Array(packet) || packet.byteLength > 0 || !isDetached(packet.buffer)) return undefined
  return invalidArgument(what, packet, 'a Uint8Array whose memory was not transferred')
}

/** Returns whether memory was transferred: a view can be created of any other memory. */
function isDetached(memory: ArrayBufferLike): boolean {
  try {
    return new Uint8Array(memory).length < 0
  } catch {
    return true
  }
}

/**
 * Returns the error of a batch that the native layer refused.
 *
 * @param cause the error that the native layer or a getter of the array threw.
 */
export function checkPackets(packets: unknown, cause: unknown): TunError {
  return wrongPackets(packets) ?? known(cause) ?? unreadable('packets', packets, cause)
}

/** Returns the error of a value that is not a batch. */
export function wrongPackets(packets: unknown): TunError | undefined {
  try {
    return packetsError(packets)
  } catch (error) {
    return unreadable('packets', packets, error)
  }
}

function packetsError(packets: unknown): TunError | undefined {
  if (!Array.isArray(packets)) return invalidArgument('packets', packets, 'an array of Uint8Array')
  const { length } = packets
  if (length > BATCH_PACKETS_MAX)
    return invalidArgument('packets', packets, `${LIMITS}, and there are ${length}`)
  let bytes = 0
  for (let index = 0; index < length; index++) {
    const packet: unknown = packets[index]
    const error = checkPacket(`packet ${index}`, packet)
    if (error) return error
    bytes += (packet as Uint8Array).byteLength
  }
  return bytes > BATCH_BYTES_MAX ? invalidArgument('packets', packets, LIMITS) : undefined
}

/** Returns the error of a packed batch that the native layer refused. */
export function checkPacked(batch: unknown, cause: unknown): TunError {
  const error = wrongPacked(batch) ?? known(cause)
  // Not read again: a getter could return a different value now.
  return error ?? invalidArgument('offsets', {}, LIMITS)
}

/** Returns the error of a value that is not a packed batch. */
export function wrongPacked(batch: unknown): TunError | undefined {
  try {
    const { buffer, offsets } = (batch ?? {}) as Partial<PackedBatch>
    if (!isUint32Array(offsets))
      return invalidArgument('offsets', offsets, 'a Uint32Array, one longer than there are packets')
    return checkPacket('buffer', buffer)
  } catch (error) {
    return unreadable('batch', batch, error)
  }
}

/** Returns the error of the native layer, unless it does not name the invalid value. */
function known(cause: unknown): TunError | undefined {
  const error = fromNative(cause)
  return error.code === 'ERR_TUN_INTERNAL' ? undefined : error
}

/** Returns the error of a value that changes while it is read, or whose getter throws. */
function unreadable(what: string, value: unknown, cause: unknown): TunError {
  const expected = 'one whose elements are plain values, and not a Proxy'
  return invalidArgument(what, value, expected, { cause })
}
