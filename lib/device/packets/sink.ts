import type { NativeDevice, NativePackets } from '#binding'
import { TunError, fromNative } from '../../errors.ts'
import {
  checkPacked,
  checkPacket,
  checkPackets,
  detachedPacket,
  wrongPacked,
  wrongPackets,
} from './checkPackets.ts'
import type { PackedBatch } from './source.ts'
import { type VnetHeader, checkVnetHeader } from './vnet.ts'
import type { Watching } from '../watching/watching.ts'

/** A packet of a batch that the kernel refused. */
export interface RefusedPacket {
  /** The index of the packet in its batch. */
  readonly index: number
  /** The reason. */
  readonly error: TunError
}

/**
 * Some packets of a batch were refused; all others were written. The error carries the details of the first refused
 * packet.
 */
export class BatchError extends TunError {
  /** All refused packets, by ascending index. */
  readonly refused: readonly RefusedPacket[]

  constructor(first: TunError, refused: readonly RefusedPacket[]) {
    const others = refused.length - 1
    const rest = others > 0 ? ` (and ${others} more of the batch)` : ''
    super(first.message + rest, first)
    this.refused = refused
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'BatchError' })
  }
}

/** Result codes of the native layer: crate/node/src/device_packets.rs. */
const BLOCKED = 1
const REFUSED = 2
const FAILED = -1000

/** Writes packets to a device. */
export class PacketSink {
  readonly #native: NativeDevice
  readonly #packets: NativePackets
  readonly #readiness: Watching
  /** The write that waits for room in the device; later writes wait for it. */
  #blocked: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isClosed = false

  constructor(native: NativeDevice, packets: NativePackets, readiness: Watching) {
    this.#native = native
    this.#packets = packets
    this.#readiness = readiness
  }

  write(packet: Uint8Array): Promise<void> | undefined {
    if (this.#blocked) return this.#behind(() => this.write(packet))
    const code = this.#call(packet)
    if (code === 0) return undefined
    if (code === BLOCKED) return this.#block(() => this.write(packet), packet)
    throw detachedPacket('packet', packet) ?? this.#errorOf(code)
  }

  writeSuperPacket(packet: Uint8Array, given: Partial<VnetHeader>): Promise<void> | undefined {
    const header = checkVnetHeader(given)
    const { name, vnetHeaderBytes } = this.#native.info
    if (vnetHeaderBytes === 0) {
      throw new TunError(
        `write a super-packet to ${name}: the device has no vnet header; open it with offload or vnetHeaderBytes`,
        { code: 'ERR_TUN_UNSUPPORTED', subject: name },
      )
    }
    return this.#writeWhole(packet, header)
  }

  #writeWhole(packet: Uint8Array, header: VnetHeader): Promise<void> | undefined {
    const again = () => this.#writeWhole(packet, header)
    if (this.#blocked) return this.#behind(again)
    let code
    try {
      code = this.#native.writeWhole(header, packet)
    } catch (error) {
      throw this.#closed() ?? checkPacket('data', packet) ?? fromNative(error)
    }
    if (code === 0) return undefined
    if (code === BLOCKED) return this.#block(again, packet)
    throw detachedPacket('data', packet) ?? this.#errorOf(code)
  }

  writeBatch(packets: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#blocked) return this.#behind(() => this.writeBatch(packets))
    let code
    try {
      code = this.#packets.writeBatch(packets as Uint8Array[])
    } catch (error) {
      throw this.#closed() ?? checkPackets(packets, error)
    }
    return this.#settle(code, packets)
  }

  writePacked(batch: PackedBatch): Promise<void> | undefined {
    if (this.#blocked) return this.#behind(() => this.writePacked(batch))
    let code
    try {
      code = this.#packets.writePacked(batch.buffer, batch.offsets)
    } catch (error) {
      throw this.#closed() ?? checkPacked(batch, error)
    }
    return this.#settle(code)
  }

  /**
   * Writes a packet if the device accepts it immediately. Returns whether it did.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
   */
  tryWrite(packet: Uint8Array): boolean {
    if (this.#blocked) return unwritten(checkPacket('packet', packet))
    let code
    try {
      code = this.#packets.write(packet)
    } catch (error) {
      const wrong = checkPacket('packet', packet)
      return unwritten(wrong ?? (this.#isClosed ? undefined : fromNative(error)))
    }
    return code === 0 || unwritten(detachedPacket('packet', packet))
  }

  /**
   * Writes the packets that the device accepts immediately, and drops the others. Returns whether all were written.
   */
  tryWriteBatch(packets: readonly Uint8Array[]): boolean {
    if (this.#blocked) return unwritten(wrongPackets(packets))
    let code
    try {
      code = this.#packets.writeBatch(packets as Uint8Array[])
    } catch (error) {
      return unwritten(this.#isClosed ? wrongPackets(packets) : checkPackets(packets, error))
    }
    if (code !== 0) this.#native.discard()
    return code === 0
  }

  /** Writes packets that lie in one buffer as `tryWriteBatch()` does. */
  tryWritePacked(batch: PackedBatch): boolean {
    if (this.#blocked) return unwritten(wrongPacked(batch))
    let code
    try {
      code = this.#packets.writePacked(batch.buffer, batch.offsets)
    } catch (error) {
      return unwritten(this.#isClosed ? wrongPacked(batch) : checkPacked(batch, error))
    }
    if (code !== 0) this.#native.discard()
    return code === 0
  }

  /** Refuses further writes; pending ones reject. */
  close(): void {
    this.#isClosed = true
    this.#wake?.()
  }

  #call(packet: Uint8Array): number {
    try {
      return this.#packets.write(packet)
    } catch (error) {
      throw this.#closed() ?? checkPacket('packet', packet) ?? fromNative(error)
    }
  }

  /** Finishes the packets that the native layer kept, then reports the refused packets of the whole batch. */
  #settle(code: number, packets?: readonly Uint8Array[]): Promise<void> | undefined {
    if ((code & BLOCKED) !== 0) return this.#block(() => this.#flush(packets))
    if ((code & REFUSED) === 0) return undefined
    const refused = this.#native
      .takeRefusals()
      .map(({ index, error }) => ({ index, error: errorOfPacket(error, index, packets) }))
      .sort((one, other) => one.index - other.index)
    const [first] = refused
    if (first) throw new BatchError(first.error, refused)
    return undefined
  }

  #flush(packets: readonly Uint8Array[] | undefined): Promise<void> | undefined {
    const closed = this.#closed()
    if (closed) throw closed
    return this.#settle(this.#native.flush(), packets)
  }

  /** Continues once the queue of that packet, or of the waiting batch, has room. */
  #block(goOn: () => Promise<void> | undefined, packet?: Uint8Array): Promise<void> {
    const waiting = new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#readiness.onceWritable(resolve, this.#native.blockedQueue(packet))
    })
    const done = waiting.then(() => {
      this.#blocked = undefined
      this.#wake = undefined
      return goOn()
    })
    this.#blocked = done
    // The caller gets the error; later writes continue after it.
    return done
  }

  #behind(goOn: () => Promise<void> | undefined): Promise<void> {
    const before = this.#blocked
    const done = Promise.resolve(before)
      .catch(() => undefined)
      .then(() => {
        if (this.#blocked === done) this.#blocked = undefined
        return goOn()
      })
    this.#blocked = done
    return done
  }

  #errorOf(code: number): TunError {
    return fromNative(new Error(this.#native.errorOf(true, FAILED - code)))
  }

  #closed(): TunError | undefined {
    if (!this.#isClosed) return undefined
    return closedError('write a packet to', this.#native.info.name)
  }
}

/** Throws the error of an invalid argument; otherwise returns `false`, because nothing was written. */
function unwritten(wrong: TunError | undefined): false {
  if (wrong) throw wrong
  return false
}

/** Returns the error of using a closed object. */
export function closedError(operation: string, name: string): TunError {
  return new TunError(`${operation} ${name}: the device is closed; open it again`, {
    code: 'ERR_TUN_CLOSED',
    subject: name,
  })
}

/**
 * Returns the error of a packet of a batch. A packet whose memory was transferred is empty, so the kernel refuses
 * it.
 */
function errorOfPacket(
  native: string,
  index: number,
  packets: readonly Uint8Array[] | undefined,
): TunError {
  const detached = packets && detachedPacket(`packet ${index}`, packets[index])
  return detached ?? fromNative(new Error(native))
}
