import { checkFlag, checkOptions, checkSignal, checkWhole } from '../options/check.ts'

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

/** Checks how packets are read. */
export function checkReading(options: ReadOptions & Partial<Whole>): CheckedReading {
  checkOptions('options', options)
  checkSignal(options.signal)
  return {
    reuse: checkFlag('reuse', options.reuse, false),
    superpackets: checkFlag('superpackets', options.superpackets, false),
    signal: options.signal,
  }
}

/** Checks how batches are read, of so many packets at the most. */
export function checkBatches(
  options: BatchOptions & Partial<Whole>,
  highWaterMark: number,
): CheckedReading & { maxPackets: number } {
  const reading = checkReading(options)
  const { maxPackets = highWaterMark } = options
  return {
    ...reading,
    maxPackets: checkWhole('maxPackets', maxPackets, 1, highWaterMark),
  }
}
