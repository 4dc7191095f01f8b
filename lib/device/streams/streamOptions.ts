import { abortSignal } from '../../check/abort.ts'
import { callback, checkFields, integer } from '../../check/fields.ts'
import { TunError } from '../../errors.ts'

/** How packets pass through streams. */
export interface StreamOptions {
  /** Packets that wait in a stream, at most, each way. Default and limit: the device's `highWaterMark`. */
  highWaterMark?: number | undefined
  /** Aborted, the streams end with the signal's reason, and the device is free for others. */
  signal?: AbortSignal | undefined
  /**
   * Called for a packet that the kernel did not take while the device stays usable
   * (`ERR_TUN_PACKET_REFUSED`, `ERR_TUN_INTERFACE_DOWN`); the next one is written then.
   * Default: such a packet ends the stream with its error.
   */
  onRefused?: ((error: TunError, packet: Uint8Array) => void) | undefined
}

/** Stream options that are checked. */
export interface CheckedStreamOptions {
  readonly highWaterMark: number
  readonly signal: AbortSignal | undefined
  readonly onRefused: StreamOptions['onRefused']
}

/** What streams need of a device. */
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

/** Tells the refusal of a packet to who asked for it; throws what ends the stream. */
export function tellRefused(
  error: unknown,
  packet: Uint8Array,
  { onRefused }: CheckedStreamOptions,
): void {
  if (!onRefused || !(error instanceof TunError) || !isPassing(error)) throw error
  onRefused(error, packet)
}

/** Whether the device takes other packets still. */
function isPassing({ code }: TunError): boolean {
  return code === 'ERR_TUN_PACKET_REFUSED' || code === 'ERR_TUN_INTERFACE_DOWN'
}
