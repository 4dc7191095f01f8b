import type { NativeDevice, NativeMoved } from '#binding'
import { flag, integer } from '../check/fields.ts'
import { fromNative, invalidArgument } from '../errors.ts'
import type { Link } from '../netlink/linkTypes.ts'
import { checkId } from '../check/user.ts'
import { closedError } from './packets/sink.ts'
import type { Watching } from './watching/watching.ts'

/** What the driver says of a device. */
export interface DeviceSettings {
  /** The interface's name now: it may have been renamed. */
  readonly name: string
  /** The `IFF_` flags of `TUNGETIFF`. */
  readonly flags: number
  /** Bytes written and not yet taken by the stack before a write waits (`TUNGETSNDBUF`). */
  readonly sendBufferBytes: number
  /** Bytes of the vnet header between kernel and library (`TUNGETVNETHDRSZ`); 0 without. */
  readonly vnetHeaderBytes: number
}

/** The network namespace of a device. */
export interface DeviceNamespace {
  /** Inode of the namespace, which tells it apart from all others: `stat -L -c %i /proc/PID/ns/net`. */
  readonly inode: number
  /** Its name in ip-netns(8), if it has one. */
  readonly name?: string
  /** Whether it is that of this process. */
  readonly isCurrent: boolean
}

/** What one device object moved since it was opened. The interface's own counters are in `link()`. */
export interface DeviceStats {
  /** What this object read, since it was opened. */
  readonly read: {
    /** Packets, those that super-packets were cut into counted singly. */
    readonly packets: number
    readonly bytes: number
    /** Super-packets that were cut. */
    readonly superPackets: number
    /** Dropped, since the kernel's header before the packet did not fit it. */
    readonly malformed: number
    /** Read several at a time, by io_uring(7), a super-packet counted as one; the others are a call of read(2) each. */
    readonly viaIoUring: number
    /** Reads that failed. Each is tried again after a pause: only an interface that was deleted ends the reading. */
    readonly errors: number
  }
  /** What this object wrote, since it was opened. */
  readonly written: {
    /** Packets, those that were joined counted singly. */
    readonly packets: number
    readonly bytes: number
    /** Super-packets, joined here or written as such. */
    readonly superPackets: number
    /** Packets that the kernel did not take. */
    readonly refused: number
  }
}

/** What is asked of an open device, and changed on it. All of it is done off the event loop, in order. */
export abstract class DeviceControl {
  /** The interface's name, as the kernel gave it. */
  abstract readonly name: string
  /** Whether `close()` was called, or the signal aborted. */
  abstract readonly isClosed: boolean
  /** How many queues of the device this object has. */
  readonly queues: number

  readonly #native: NativeDevice
  readonly #watching: Watching
  #lastCall: Promise<unknown> = Promise.resolve()
  #last: NativeMoved | undefined

  /** @internal */
  constructor(native: NativeDevice, watching: Watching) {
    this.#native = native
    this.#watching = watching
    this.queues = native.info.queues
  }

  /**
   * Returns what RTNETLINK reports about the interface now, in any namespace: `ip -d -s link show`. Its `stats`
   * are counters of the kernel, of all queues since the interface was created. What the kernel transmits is what
   * is read here: `txDropped` counts packets that nobody read in time, `rxDropped` written ones that the stack
   * did not take.
   */
  async link(): Promise<Link> {
    return JSON.parse(await this.control('ask', (native) => native.link())) as Link
  }

  /** Returns the counters of this object; after the end, the last ones. */
  stats(): DeviceStats {
    const moved = this.#last ?? this.#native.moved()
    return {
      read: {
        packets: moved.packetsRead,
        bytes: moved.bytesRead,
        superPackets: moved.superPacketsRead,
        malformed: moved.malformed,
        viaIoUring: moved.viaIoUring,
        errors: moved.readErrors,
      },
      written: {
        packets: moved.packetsWritten,
        bytes: moved.bytesWritten,
        superPackets: moved.superPacketsWritten,
        refused: moved.refused,
      },
    }
  }

  /** Keeps the counters: the device is about to be closed. */
  protected keepStats(): void {
    this.#last = this.#native.moved()
  }

  /** What the driver says of the device now. */
  async settings(): Promise<DeviceSettings> {
    return this.control('ask', (native) => native.settings())
  }

  /** Where the interface is now (`TUNGETDEVNETNS`, Linux 5.2); takes `CAP_NET_ADMIN` there. */
  async namespace(): Promise<DeviceNamespace> {
    const { inode, name, isCurrent } = await this.control('ask', (native) => native.namespace())
    return { inode, isCurrent, ...(name === undefined ? {} : { name }) }
  }

  /** Whether the interface has a carrier (`TUNSETCARRIER`, Linux 5.0): `ip link set DEV carrier on`. */
  async setCarrier(hasCarrier: boolean): Promise<void> {
    const has = flag('carrier', hasCarrier)
    await this.control('set the carrier of', (native) => native.setCarrier(has))
  }

  /** Whether the device outlives its last queue (`TUNSETPERSIST`). */
  async setPersistent(isPersistent: boolean): Promise<void> {
    const is = flag('persistent', isPersistent)
    await this.control('make persistent', (native) => native.setPersistent(is))
  }

  /** Who may attach to the device without privileges, by name or number (`TUNSETOWNER`). */
  async setOwner(owner: string | number): Promise<void> {
    const id = checkId('user', owner)
    await this.control('set the owner of', (native) => native.setOwner(id))
  }

  /** Whose members may attach to it without privileges, by name or number (`TUNSETGROUP`). */
  async setGroup(group: string | number): Promise<void> {
    const id = checkId('group', group)
    await this.control('set the group of', (native) => native.setGroup(id))
  }

  /**
   * Has a loaded eBPF program (`BPF_PROG_TYPE_SOCKET_FILTER`) say how many bytes of each packet come to the reader,
   * 0 for none (`TUNSETFILTEREBPF`, Linux 4.16). The device keeps the program; `undefined` takes it away.
   */
  async setEbpfFilter(fd: number | undefined): Promise<void> {
    const program = checkDescriptor(fd)
    await this.control('set the eBPF filter of', (native) => native.setEbpfFilter(program))
  }

  /**
   * Has such a program choose the queue of each packet, modulo their number (`TUNSETSTEERINGEBPF`, Linux 4.16);
   * `undefined`: the driver's own choice by flow.
   */
  async setEbpfSteering(fd: number | undefined): Promise<void> {
    const program = checkDescriptor(fd)
    await this.control('set the eBPF steering of', (native) => native.setEbpfSteering(program))
  }

  /**
   * Takes a queue from the device (`TUNSETQUEUE`): its flows go to the others, and what waits in it is lost. Where
   * none is left, packets are dropped and writing is refused with `ERR_TUN_DETACHED`.
   */
  async detachQueue(queue = 0): Promise<void> {
    await this.#setAttached(queue, false)
  }

  /** Gives a queue back to the device that `detachQueue()` took from it. */
  async attachQueue(queue = 0): Promise<void> {
    await this.#setAttached(queue, true)
  }

  /**
   * Runs one call after the other.
   *
   * @internal
   */
  protected control<T>(operation: string, work: (native: NativeDevice) => Promise<T>): Promise<T> {
    const done = this.#lastCall.then(async () => {
      if (this.isClosed) throw closedError(operation, this.name)
      try {
        return await work(this.#native)
      } catch (error) {
        throw fromNative(error)
      }
    })
    this.#lastCall = done.catch(() => undefined)
    return done
  }

  async #setAttached(number: number, isAttached: boolean): Promise<void> {
    const queue = integer(0, this.queues - 1)('queue', number)
    await this.control(`${isAttached ? 'attach' : 'detach'} a queue of`, async (native) => {
      // Left alone first, since a detached queue answers nothing but errors.
      if (!isAttached) this.#note(native, queue, false)
      try {
        await native.setAttached(queue, isAttached)
      } catch (error) {
        if (!isAttached && !this.isClosed) this.#note(native, queue, true)
        throw error
      }
      if (isAttached && !this.isClosed) this.#note(native, queue, true)
    })
  }

  #note(native: NativeDevice, queue: number, isAttached: boolean): void {
    native.noteAttached(queue, isAttached)
    this.#watching.setAttached(queue, isAttached)
  }
}

const INT_MAX = 2_147_483_647

function checkDescriptor(fd: unknown): number | undefined {
  if (fd === undefined) return undefined
  if (Number.isInteger(fd) && (fd as number) >= 0 && (fd as number) <= INT_MAX) return fd as number
  throw invalidArgument('fd', fd, 'the descriptor of a loaded eBPF program, or undefined for none')
}
