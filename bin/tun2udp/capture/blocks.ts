const PACKET = 6
const STATISTICS = 5
/** The longest block: a packet of the longest snap length, with its options. */
const BLOCK_MAX = 1 << 20
const HEADER = 8

/** Splits the bytes of a pcapng stream into blocks. */
export class BlockReader {
  #rest: Buffer = Buffer.alloc(0)

  /** Adds bytes, and returns the blocks that are complete. Throws if the bytes are not those of blocks. */
  push(chunk: Buffer): Buffer[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const blocks: Buffer[] = []
    let at = 0
    while (at + HEADER <= bytes.length) {
      const length = bytes.readUInt32LE(at + 4)
      if (length < HEADER + 4 || length > BLOCK_MAX)
        throw new Error('not a stream of pcapng blocks')
      if (at + length > bytes.length) break
      blocks.push(bytes.subarray(at, at + length))
      at += length
    }
    this.#rest = bytes.subarray(at)
    return blocks
  }
}

/** Returns whether a block is a packet. */
export function isPacket(block: Buffer): boolean {
  return block.readUInt32LE(0) === PACKET
}

/** Returns the interface of a statistics block, and the packets that were left out there; nothing for another block. */
export function leftOutOf(block: Buffer): readonly [number, number] | undefined {
  if (block.readUInt32LE(0) !== STATISTICS) return undefined
  const dropped = 5
  let at = HEADER + 12
  while (at + 4 < block.length) {
    const [code, length] = [block.readUInt16LE(at), block.readUInt16LE(at + 2)]
    if (code === dropped) return [block.readUInt32LE(HEADER), Number(block.readBigUInt64LE(at + 4))]
    at += 4 + Math.ceil(length / 4) * 4
  }
  return undefined
}
