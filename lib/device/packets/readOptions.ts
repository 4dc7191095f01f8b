import { abortSignal } from '../../check/abort.ts'
import { checkFields, flag, integer } from '../../check/fields.ts'

/** How packets are read. */
export interface ReadOptions {
  /**
   * Packets are in memory that is used again: a packet is valid until the next one, or the next batch, is
   * requested. Default: no; a packet is never overwritten.
   */
  reuse?: boolean | undefined
  /** If aborted, reading rejects with the signal's reason, and another loop can use the device. */
  signal?: AbortSignal | undefined
}

/** How batches of packets are read. */
export interface BatchOptions extends ReadOptions {
  /** The maximum number of packets per batch. Default and limit: the device's `highWaterMark`. */
  maxPackets?: number | undefined
}

/** Selects packets as the kernel passes them, with whole super-packets. */
export interface Whole {
  /**
   * Super-packets are not split, and checksums that the kernel omitted are not filled in. Each packet has the
   * header that describes this.
   */
  superpackets: true
}

/** The checked options of reading. */
export interface CheckedReading {
  reuse: boolean
  superpackets: boolean
  signal: AbortSignal | undefined
}

const READ = { reuse: flag, superpackets: flag, signal: abortSignal }
const READ_ONE = { signal: abortSignal }
const PACKED = { reuse: flag, signal: abortSignal }

/** Checks the options of reading packets. */
export function checkReading(options: ReadOptions & Partial<Whole>): CheckedReading {
  return { ...READING, ...checkFields('options', options, READ) }
}

const READING: CheckedReading = { reuse: false, superpackets: false, signal: undefined }

/** Checks the options of reading one packet. */
export function checkReadingOne(options: Pick<ReadOptions, 'signal'>): CheckedReading {
  return { ...READING, ...checkFields('options', options, READ_ONE) }
}

/** Checks the options of reading batches of at most `highWaterMark` packets. */
export function checkBatches(
  options: BatchOptions & Partial<Whole>,
  highWaterMark: number,
): CheckedReading & { maxPackets: number } {
  const maxPackets = integer(1, highWaterMark)
  const checked = checkFields('options', options, { ...READ, maxPackets })
  return { ...READING, maxPackets: highWaterMark, ...checked }
}

/** Checks the options of reading packed batches. */
export function checkPacked(
  options: BatchOptions,
  highWaterMark: number,
): CheckedReading & { maxPackets: number } {
  const maxPackets = integer(1, highWaterMark)
  const checked = checkFields('options', options, { ...PACKED, maxPackets })
  return { ...READING, maxPackets: highWaterMark, ...checked }
}
