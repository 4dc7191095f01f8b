import * as threads from 'node:worker_threads'

/** Memory that packets are read into. It stays for as long as one of its packets is used. */
const SLAB_BYTES = 256 * 1024

/** Returns memory for packets. Many packets share it, so that none of them may be transferred. */
export function newSlab(): Buffer {
  const slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  markUntransferable(slab.buffer)
  return slab
}

/** Returns the offsets of so many packets, which may not be transferred either. */
export function newOffsets(packets: number): Uint32Array {
  const offsets = new Uint32Array(packets + 1)
  markUntransferable(offsets.buffer)
  return offsets
}

/**
 * Refuses the transfer of memory to another thread. Node 20 clones it instead.
 *
 * Other runtimes may lack the function, or have one that only throws.
 */
function markUntransferable(memory: ArrayBufferLike): void {
  try {
    const { markAsUntransferable } = threads as Partial<typeof threads>
    markAsUntransferable?.(memory)
  } catch {
    // What is transferred all the same is found by the source of the packets.
  }
}
