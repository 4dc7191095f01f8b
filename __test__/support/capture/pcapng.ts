/** A packet of a pcapng file. */
export interface CapturedPacket {
  readonly point: string
  readonly isOutbound: boolean
  readonly data: Buffer
  readonly length: number
  readonly comment: string | undefined
}

/** The contents of a pcapng file: a reader for tests, independent of the writer. */
export interface CapturedFile {
  readonly packets: readonly CapturedPacket[]
  readonly interfaces: readonly string[]
  /** The counts of each interface: received, dropped, accepted, delivered. */
  readonly statistics: readonly (readonly number[])[]
  /** Bytes of the last block if it is not complete. */
  readonly torn: number
}

/** Reads a pcapng file; throws if anything but its last block is malformed. */
export function readPcapng(bytes: Buffer): CapturedFile {
  const packets: CapturedPacket[] = []
  const interfaces: string[] = []
  const statistics: number[][] = []
  let at = 0
  while (at + 8 <= bytes.length) {
    const length = bytes.readUInt32LE(at + 4)
    if (at + length > bytes.length) break
    if (bytes.readUInt32LE(at + length - 4) !== length) throw new Error(`block at ${at}`)
    const body = bytes.subarray(at + 8, at + length - 4)
    const kind = bytes.readUInt32LE(at)
    if (kind === 1) interfaces.push(options(body, 8).get(2)?.toString() ?? '')
    if (kind === 6) packets.push(packetOf(body, interfaces))
    if (kind === 5) {
      const found = options(body, 12)
      const counts = [4, 5, 6, 8].map((code) => Number(found.get(code)?.readBigUInt64LE()))
      statistics[body.readUInt32LE(0)] = counts
    }
    at += length
  }
  return { packets, interfaces, statistics, torn: bytes.length - at }
}

function packetOf(body: Buffer, interfaces: readonly string[]): CapturedPacket {
  const kept = body.readUInt32LE(12)
  const found = options(body, 20 + Math.ceil(kept / 4) * 4)
  return {
    point: interfaces[body.readUInt32LE(0)] ?? '',
    isOutbound: ((found.get(2)?.readUInt32LE() ?? 0) & 3) === 2,
    data: body.subarray(20, 20 + kept),
    length: body.readUInt32LE(16),
    comment: found.get(1)?.toString(),
  }
}

function options(body: Buffer, start: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  let at = start
  while (at + 4 <= body.length) {
    const [code, length] = [body.readUInt16LE(at), body.readUInt16LE(at + 2)]
    if (code === 0) return found
    found.set(code, body.subarray(at + 4, at + 4 + length))
    at += 4 + Math.ceil(length / 4) * 4
  }
  throw new Error('options without an end')
}
