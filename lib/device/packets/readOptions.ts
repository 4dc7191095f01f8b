import { abortSignal } from '../../check/abort.ts'
import { checkFields, flag, integer } from '../../check/fields.ts'

/** How packets are read. */
export interface ReadOptions {
  /**
   * Packets lie in memory that is used again: one is valid until the next is asked for, or the next batch.
   * Default: no, and a packet is yours for good.
   */
  reuse?: boolean | undefined
  /** Aborted, reading rejects with the signal's reason, and the device is free for another loop. */
  signal?: AbortSignal | undefined
}

/** How batches of packets are read. */
export interface BatchOptions extends ReadOptions {
  /** Packets of a batch, at most. Default and limit: the device's `highWaterMark`. */
  maxPackets?: number | undefined
}

/** Packets as the kernel hands them over: super-packets whole. */
export interface Whole {
  /**
   * Super-packets are not cut, and checksums that the kernel left out not put in: each packet comes with the header
   * that says so.
   */
  superpackets: true
}

/** How packets are read, checked. */
export interface CheckedReading {
  reuse: boolean
  superpackets: boolean
  signal: AbortSignal | undefined
}

const READ = { reuse: flag, superpackets: flag, signal: abortSignal }
const READ_ONE = { signal: abortSignal }
const PACKED = { reuse: flag, signal: abortSignal }

/** Checks how packets are read. */
export function checkReading(options: ReadOptions & Partial<Whole>): CheckedReading {
  return { ...READING, ...checkFields('options', options, READ) }
}

const READING: CheckedReading = { reuse: false, superpackets: false, signal: undefined }

/** Checks how one packet is read. */
export function checkReadingOne(options: Pick<ReadOptions, 'signal'>): CheckedReading {
  return { ...READING, ...checkFields('options', options, READ_ONE) }
}

/** Checks how batches of at most `highWaterMark` packets are read. */
export function checkBatches(
  options: BatchOptions & Partial<Whole>,
  highWaterMark: number,
): CheckedReading & { maxPackets: number } {
  const maxPackets = integer(1, highWaterMark)
  const checked = checkFields('options', options, { ...READ, maxPackets })
  return { ...READING, maxPackets: highWaterMark, ...checked }
}

/** Checks how batches in one buffer are read. */
export function checkPacked(
  options: BatchOptions,
  highWaterMark: number,
): CheckedReading & { maxPackets: number } {
  const maxPackets = integer(1, highWaterMark)
  const checked = checkFields('options', options, { ...PACKED, maxPackets })
  return { ...READING, maxPackets: highWaterMark, ...checked }
}
