import * as threads from 'node:worker_threads'

/** Size of the memory that packets are read into. The memory is kept while any of its packets is in use. */
const SLAB_BYTES = 256 * 1024

/** Returns memory for packets. Many packets share it, so it must not be transferred. */
export function newSlab(): Buffer {
  const slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  markUntransferable(slab.buffer)
  return slab
}

/** Returns the offsets of `packets` packets, which must not be transferred either. */
export function newOffsets(packets: number): Uint32Array {
  const offsets = new Uint32Array(packets + 1)
  markUntransferable(offsets.buffer)
  return offsets
}

/**
 * Prevents the transfer of memory to another thread. Node 20 clones it instead.
 *
 * Other runtimes may lack the function, or have one that only throws.
 */
function markUntransferable(memory: ArrayBufferLike): void {
  try {
    const { markAsUntransferable } = threads as Partial<typeof threads>
    markAsUntransferable?.(memory)
  } catch {
    // The source of the packets detects memory that is transferred anyway.
  }
}
