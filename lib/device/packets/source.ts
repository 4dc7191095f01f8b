import type { NativeDevice, NativePackets } from '#binding'
import { TunError, fromNative } from '../../errors.ts'
import { newOffsets, newSlab } from './slab.ts'
import { ORDINARY, type SuperPacket, toSuperPacket } from './vnet.ts'
import { lostPackets } from './waitingPackets.ts'
import type { Watching } from '../watching/watching.ts'

/** Packets that lie end to end in one buffer. */
export interface PackedBatch {
  /** The memory that the packets lie in, and perhaps other packets before and after them. */
  readonly buffer: Buffer
  /** Packet n is `buffer.subarray(offsets[n], offsets[n + 1])`; one number more than packets. */
  readonly offsets: Uint32Array
}

/** Who waits for packets. */
export interface Waiter {
  /** Packets wanted at the most. */
  readonly maxPackets: number
  /** The packets may be overwritten at the next step. */
  readonly reuse: boolean
  /** Super-packets are not cut. */
  readonly superpackets: boolean
  /** Packets are there. */
  ready(): void
  /** There will be no more: the device was closed, or failed. */
  ended(error: TunError | undefined): void
}

/**
 * The class of what `subarray()` gives: made by it, a view costs half, since no `ArrayBuffer` is asked for each time.
 * Only Node tells it.
 */
const View = (
  Buffer as {
    [Symbol.species]?: new (memory: ArrayBufferLike, start: number, length: number) => Buffer
  }
)[Symbol.species]
const isBuffer =
  View !== undefined &&
  Object.getPrototypeOf(new View(new ArrayBuffer(1), 0, 1)) === Buffer.prototype
/** A view of memory. */
const view =
  View !== undefined && isBuffer
    ? (memory: ArrayBufferLike, start: number, length: number) => new View(memory, start, length)
    : (memory: ArrayBufferLike, start: number, length: number) => Buffer.from(memory, start, length)
/** What reading answers; crate/node/src/device_packets.rs. */
const NEEDS_ROOM = -1
const FAILED = -1000

/** Packets on their way in: those that were read ahead, and more once the device has some. */
export class PacketSource {
  readonly #native: NativeDevice
  readonly #packets: NativePackets
  readonly #readiness: Watching
  /** Packets that are read at once, at most. */
  readonly highWaterMark: number
  #offsets: Uint32Array
  #slab = newSlab()
  #memory = this.#slab.buffer
  /** Bytes of the slab that are in use. */
  #filled = 0
  /** Some packet of the slab is somebody's for good. */
  #isShared = false
  /** What was read ahead is whole, with vnet headers. */
  #isWhole = false
  readonly #headerBytes: number
  #next = 0
  #count = 0
  #waiter: Waiter | undefined
  #owner: object | undefined
  #end: { error: TunError | undefined } | undefined
  /** Called when reading failed and pauses. */
  onPause: (milliseconds: number) => void = () => undefined
  /** Called when reading failed for good. */
  onFailure: (error: TunError) => void = () => undefined
  /** Runs while reading, which failed, pauses. */
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

  /** Packets that were read and not taken yet. */
  get available(): number {
    return this.#count - this.#next
  }

  /** How it ended, if it has. */
  get end(): { error: TunError | undefined } | undefined {
    return this.#end
  }

  /**
   * Takes the next packet; there must be one.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: the packets that were read ahead are lost, since the caller
   * transferred the memory of one that it had got.
   */
  take(): Buffer {
    if (this.#slab.length === 0 || this.#offsets.length === 0) throw this.#lost()
    const index = this.#next++
    const start = this.#offsets[index] ?? 0
    return view(this.#memory, start, (this.#offsets[index + 1] ?? start) - start)
  }

  /** The same, with what the kernel says of it. */
  takeSuper(): SuperPacket {
    const data = this.take()
    return this.#isWhole ? toSuperPacket(data, this.#headerBytes) : { data, header: ORDINARY }
  }

  /** Takes packets, one at least; there must be one. */
  takeBatch(maxPackets: number): Buffer[] {
    const count = Math.min(maxPackets, this.available)
    const batch = new Array<Buffer>(count)
    for (let index = 0; index < count; index++) batch[index] = this.take()
    return batch
  }

  /** The same, with what the kernel says of each. */
  takeSuperBatch(maxPackets: number): SuperPacket[] {
    return Array.from({ length: Math.min(maxPackets, this.available) }, () => this.takeSuper())
  }

  /** The same end to end. */
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
   * Gives the packets to one reader at a time.
   *
   * @throws {TunError} `ERR_TUN_LOCKED` while there is another.
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

  /** Calls the waiter back once packets are there; it asks again for more. */
  wait(waiter: Waiter): void {
    this.#waiter = waiter
    // What a super-packet was cut into may be more than was asked for, and the device does not tell of that.
    if (this.#packets.hasWaiting()) setImmediate(this.#onReadable)
    else this.#listen()
  }

  /** Nobody waits any more. */
  cancel(waiter: Waiter): void {
    if (this.#waiter !== waiter) return
    this.#waiter = undefined
    this.#readiness.setReading(false)
  }

  /** Ends it: for good, and without the packets that were read ahead when it was closed. */
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

  /** What was read ahead whole, for one who wants it cut. */
  #readAgain(reader: Waiter): void {
    this.#isWhole = false
    if (this.available === 0) return
    if (this.#slab.length === 0 || this.#offsets.length === 0) throw this.#lost()
    this.#native.giveBack(this.#slab, this.#offsets.subarray(this.#next, this.#count + 1))
    this.#next = this.#count
    this.#fill(reader)
  }

  /** Drops what was read ahead into memory that is gone; the next read takes other memory. */
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

  /** Has the device watched; during a pause, once that is over. */
  #listen(): void {
    if (this.#pause === undefined) this.#readiness.setReading(true)
  }

  /** Leaves the device alone for a while: watched meanwhile, it would be readable, and the loop would spin. */
  #pauseFor(milliseconds: number): void {
    this.onPause(milliseconds)
    clearTimeout(this.#pause)
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      if (this.#waiter && !this.#end) this.#readiness.setReading(true)
    }, milliseconds)
  }

  /** Reads what is there into the slab, and into another where that is full. */
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
