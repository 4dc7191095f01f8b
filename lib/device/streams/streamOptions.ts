import { abortSignal } from '../../check/abort.ts'
import { callback, checkFields, integer } from '../../check/fields.ts'
import { TunError } from '../../errors.ts'

/** The options of streams. */
export interface StreamOptions {
  /**
   * The maximum number of packets that wait in a stream, per direction. Default and limit: the device's
   * `highWaterMark`.
   */
  highWaterMark?: number | undefined
  /** If aborted, the streams end with the signal's reason, and the device is released. */
  signal?: AbortSignal | undefined
  /**
   * Called for a packet that the kernel refused while the device stays usable (`ERR_TUN_PACKET_REFUSED`,
   * `ERR_TUN_INTERFACE_DOWN`). The stream then continues with the next packet. Default: such a packet ends the
   * stream with its error.
   */
  onRefused?: ((error: TunError, packet: Uint8Array) => void) | undefined
}

/** The checked options of streams. */
export interface CheckedStreamOptions {
  readonly highWaterMark: number
  readonly signal: AbortSignal | undefined
  readonly onRefused: StreamOptions['onRefused']
}

/** The parts of a device that streams need. */
export interface StreamedDevice {
  readonly name: string
  readonly highWaterMark: number
  batches(options: { maxPackets: number }): AsyncIterableIterator<Buffer[], undefined>
  write(packet: Uint8Array): Promise<void> | undefined
  writeBatch(packets: readonly Uint8Array[]): Promise<void> | undefined
}

/**
 * Checks the options of streams.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function checkStreamOptions(options: StreamOptions, limit: number): CheckedStreamOptions {
  const fields = {
    highWaterMark: integer(1, limit),
    signal: abortSignal,
    onRefused: callback<NonNullable<StreamOptions['onRefused']>>(),
  }
  const { highWaterMark = limit, signal, onRefused } = checkFields('options', options, fields)
  return { highWaterMark, signal, onRefused }
}

/** Passes the refusal of a packet to `onRefused`; throws any error that ends the stream. */
export function tellRefused(
  error: unknown,
  packet: Uint8Array,
  { onRefused }: CheckedStreamOptions,
): void {
  if (!onRefused || !(error instanceof TunError) || !isPassing(error)) throw error
  onRefused(error, packet)
}

/** Returns whether the device still accepts other packets after this error. */
function isPassing({ code }: TunError): boolean {
  return code === 'ERR_TUN_PACKET_REFUSED' || code === 'ERR_TUN_INTERFACE_DOWN'
}
