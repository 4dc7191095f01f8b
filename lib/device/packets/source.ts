import type { NativeDevice, NativePackets } from '#binding'
import { TunError, fromNative } from '../../errors.ts'
import { newOffsets, newSlab } from './slab.ts'
import { ORDINARY, type SuperPacket, toSuperPacket } from './vnet.ts'
import { lostPackets } from './waitingPackets.ts'
import type { Watching } from '../watching/watching.ts'

/** Packets that lie end to end in one buffer. */
export interface PackedBatch {
  /** The memory that contains the packets, and possibly other packets before and after them. */
  readonly buffer: Buffer
  /** Packet n is `buffer.subarray(offsets[n], offsets[n + 1])`; there is one more offset than packets. */
  readonly offsets: Uint32Array
}

/** A reader that waits for packets. */
export interface Waiter {
  /** The maximum number of packets to read. */
  readonly maxPackets: number
  /** The packets may be overwritten at the next step. */
  readonly reuse: boolean
  /** Super-packets are not split. */
  readonly superpackets: boolean
  /** Packets are available. */
  ready(): void
  /** There are no further packets: the device was closed, or failed. */
  ended(error: TunError | undefined): void
}

/**
 * The class of the views that `subarray()` returns. Calling it directly halves the cost of a view, because
 * `subarray()` looks up the `ArrayBuffer` each time. Only Node exposes it.
 */
const View = (
  Buffer as {
    [Symbol.species]?: new (memory: ArrayBufferLike, start: number, length: number) => Buffer
  }
)[Symbol.species]
const isBuffer =
  View !== undefined &&
  Object.getPrototypeOf(new View(new ArrayBuffer(1), 0, 1)) === Buffer.prototype
/** Creates a view of memory. */
const view =
  View !== undefined && isBuffer
    ? (memory: ArrayBufferLike, start: number, length: number) => new View(memory, start, length)
    : (memory: ArrayBufferLike, start: number, length: number) => Buffer.from(memory, start, length)
/** Result codes of reading; crate/node/src/device_packets.rs. */
const NEEDS_ROOM = -1
const FAILED = -1000

/** Reads packets ahead, and returns them one by one or in batches. */
export class PacketSource {
  readonly #native: NativeDevice
  readonly #packets: NativePackets
  readonly #readiness: Watching
  /** The maximum number of packets per read. */
  readonly highWaterMark: number
  #offsets: Uint32Array
  #slab = newSlab()
  #memory = this.#slab.buffer
  /** Used bytes of the slab. */
  #filled = 0
  /** The caller owns a packet of the slab permanently. */
  #isShared = false
  /** The packets read ahead are whole, with vnet headers. */
  #isWhole = false
  readonly #headerBytes: number
  #next = 0
  #count = 0
  #waiter: Waiter | undefined
  #owner: object | undefined
  #end: { error: TunError | undefined } | undefined
  /** Called when a read failed and reading pauses. */
  onPause: (milliseconds: number) => void = () => undefined
  /** Called when reading failed permanently. */
  onFailure: (error: TunError) => void = () => undefined
  /** Runs during the pause after a failed read. */
  #pause: NodeJS.Timeout | undefined

  constructor(
    native: NativeDevice,
    packets: NativePackets,
    readiness: Watching,
    highWaterMark: number,
  ) {
    this.#native = native
    this.#packets = packets
    this.#readiness = readiness
    this.highWaterMark = highWaterMark
    this.#offsets = newOffsets(highWaterMark)
    this.#headerBytes = native.info.vnetHeaderBytes
    readiness.onReadable = this.#onReadable
  }

  /** The number of packets that were read but not taken. */
  get available(): number {
    return this.#count - this.#next
  }

  /** How the source ended, if it has ended. */
  get end(): { error: TunError | undefined } | undefined {
    return this.#end
  }

  /**
   * Takes the next packet. At least one must be available.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: the packets that were read ahead are lost, because the caller
   *   transferred the memory of an earlier one.
   */
  take(): Buffer {
    if (this.#slab.length === 0 || this.#offsets.length === 0) throw this.#lost()
    const index = this.#next++
    const start = this.#offsets[index] ?? 0
    return view(this.#memory, start, (this.#offsets[index + 1] ?? start) - start)
  }

  /** Takes the next packet with its vnet header. */
  takeSuper(): SuperPacket {
    const data = this.take()
    return this.#isWhole ? toSuperPacket(data, this.#headerBytes) : { data, header: ORDINARY }
  }

  /** Takes up to `maxPackets` packets. At least one must be available. */
  takeBatch(maxPackets: number): Buffer[] {
    const count = Math.min(maxPackets, this.available)
    const batch = new Array<Buffer>(count)
    for (let index = 0; index < count; index++) batch[index] = this.take()
    return batch
  }

  /** Takes packets with their vnet headers. */
  takeSuperBatch(maxPackets: number): SuperPacket[] {
    return Array.from({ length: Math.min(maxPackets, this.available) }, () => this.takeSuper())
  }

  /** Takes packets end to end in one buffer. */
  takePacked(maxPackets: number, reuse: boolean): PackedBatch {
    if (this.#slab.length === 0 || this.#offsets.length === 0) throw this.#lost()
    const start = this.#next
    this.#next += Math.min(maxPackets, this.available)
    const offsets = reuse
      ? this.#offsets.subarray(start, this.#next + 1)
      : this.#offsets.slice(start, this.#next + 1)
    return { buffer: this.#slab, offsets }
  }

  /**
   * Locks the packets for one reader.
   *
   * @throws {TunError} `ERR_TUN_LOCKED` while there is another reader.
   */
  lock(owner: Waiter): void {
    if (this.#owner !== undefined && this.#owner !== owner) {
      throw new TunError(
        `read from ${this.#native.info.name}: somebody reads from it already; ` +
          'let one loop end before the next begins, or share the packets of one',
        { code: 'ERR_TUN_LOCKED', subject: this.#native.info.name },
      )
    }
    this.#owner = owner
    if (!owner.reuse) this.#isShared = true
    if (this.#isWhole && !owner.superpackets) this.#readAgain(owner)
  }

  unlock(owner: object): void {
    if (this.#owner === owner) this.#owner = undefined
  }

  /** Calls the waiter back once packets are available. It must call this again for more. */
  wait(waiter: Waiter): void {
    this.#waiter = waiter
    // A split super-packet may yield more packets than were requested. The device does not signal the remaining
    // ones.
    if (this.#packets.hasWaiting()) setImmediate(this.#onReadable)
    else this.#listen()
  }

  /** Cancels the wait. */
  cancel(waiter: Waiter): void {
    if (this.#waiter !== waiter) return
    this.#waiter = undefined
    this.#readiness.setReading(false)
  }

  /** Ends the source permanently. After a close, packets that were read ahead are dropped. */
  finish(error: TunError | undefined): void {
    if (this.#end) return
    this.#end = { error }
    if (error) this.onFailure(error)
    clearTimeout(this.#pause)
    if (!error) this.#next = this.#count
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.ended(error)
  }

  /** Splits super-packets that were read ahead whole, for a reader that requires single packets. */
  #readAgain(reader: Waiter): void {
    this.#isWhole = false
    if (this.available === 0) return
    if (this.#slab.length === 0 || this.#offsets.length === 0) throw this.#lost()
    this.#native.giveBack(this.#slab, this.#offsets.subarray(this.#next, this.#count + 1))
    this.#next = this.#count
    this.#fill(reader)
  }

  /** Drops packets that were read ahead into transferred memory. The next read uses new memory. */
  #lost(): TunError {
    const { name } = this.#native.info
    const packets = this.available
    this.#next = this.#count
    return lostPackets(name, packets)
  }

  readonly #onReadable = (): void => {
    const waiter = this.#waiter
    if (!waiter) return
    let count
    try {
      count = this.#fill(waiter)
    } catch (error) {
      this.finish(fromNative(error))
      return
    }
    if (count === 0) {
      this.#listen()
      return
    }
    this.#waiter = undefined
    waiter.ready()
  }

  /** Starts watching the device; during a pause, once the pause is over. */
  #listen(): void {
    if (this.#pause === undefined) this.#readiness.setReading(true)
  }

  /** Pauses reading. Watching the device during the pause would make the loop spin, because it stays readable. */
  #pauseFor(milliseconds: number): void {
    this.onPause(milliseconds)
    clearTimeout(this.#pause)
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      if (this.#waiter && !this.#end) this.#readiness.setReading(true)
    }, milliseconds)
  }

  /** Reads the available packets into the slab, and into a new one if it is full. */
  #fill({ maxPackets, reuse, superpackets }: Waiter): number {
    if (this.#offsets.length === 0) this.#offsets = newOffsets(this.highWaterMark)
    if (reuse && !this.#isShared) this.#filled = 0
    if (reuse && this.#isShared) this.#renew()
    let count = this.#read(maxPackets, superpackets)
    if (count === NEEDS_ROOM) {
      this.#renew()
      count = this.#read(maxPackets, superpackets)
    }
    if (count < NEEDS_ROOM && count > FAILED) {
      this.#pauseFor(NEEDS_ROOM - count)
      count = 0
    }
    if (count < 0) throw fromNative(new Error(this.#native.errorOf(false, FAILED - count)))
    this.#isShared ||= !reuse
    this.#isWhole = superpackets
    this.#next = 0
    this.#count = count
    this.#filled = this.#offsets[count] ?? 0
    return count
  }

  #read(maxPackets: number, isWhole: boolean): number {
    const most = Math.min(maxPackets, this.highWaterMark)
    return isWhole
      ? this.#packets.readWhole(this.#slab, this.#filled, this.#offsets, most)
      : this.#packets.read(this.#slab, this.#filled, this.#offsets, most)
  }

  #renew(): void {
    this.#slab = newSlab()
    this.#memory = this.#slab.buffer
    this.#filled = 0
    this.#isShared = false
  }
}
