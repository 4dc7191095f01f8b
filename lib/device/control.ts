import type { NativeDevice, NativeMoved } from '#binding'
import { flag, integer } from '../check/fields.ts'
import { fromNative, invalidArgument } from '../errors.ts'
import type { Link } from '../netlink/linkTypes.ts'
import { checkId } from '../check/user.ts'
import { InOrder } from '../lifetime/inOrder.ts'
import { closedError } from './packets/sink.ts'
import type { Watching } from './watching/watching.ts'

/** The state of a device, as the driver reports it. */
export interface DeviceSettings {
  /** The interface's current name: it may have been renamed. */
  readonly name: string
  /** The `IFF_` flags of `TUNGETIFF`. */
  readonly flags: number
  /** Bytes that may be written but not yet accepted by the stack before a write waits for room (`TUNGETSNDBUF`). */
  readonly sendBufferBytes: number
  /** Bytes of the vnet header between kernel and library (`TUNGETVNETHDRSZ`); 0 without a vnet header. */
  readonly vnetHeaderBytes: number
}

/** The network namespace of a device. */
export interface DeviceNamespace {
  /** Inode of the namespace, which identifies it: `stat -L -c %i /proc/PID/ns/net`. */
  readonly inode: number
  /** Its name in ip-netns(8), if it has one. */
  readonly name?: string
  /** Whether this process is in it. */
  readonly isCurrent: boolean
}

/** The counters of one device object since it was opened. The interface's own counters are in `link()`. */
export interface DeviceStats {
  /** Packets that this object read. */
  readonly read: {
    /** Packets; a super-packet counts as the packets that it was split into. */
    readonly packets: number
    readonly bytes: number
    /** Super-packets that were split. */
    readonly superPackets: number
    /** Packets dropped because the kernel's header did not fit the packet. */
    readonly malformed: number
    /** Packets read several at a time with io_uring(7), a super-packet counted as one. Each other read is a read(2). */
    readonly viaIoUring: number
    /** Failed reads. Each is repeated after a pause; only the deletion of the interface ends the reading. */
    readonly errors: number
  }
  /** Packets that this object wrote. */
  readonly written: {
    /** Packets; coalesced packets count one by one. */
    readonly packets: number
    readonly bytes: number
    /** Super-packets, coalesced by the library or written as such. */
    readonly superPackets: number
    /** Packets that the kernel refused. */
    readonly refused: number
  }
}

/** Queries and settings of an open device. All calls run off the event loop, in order. */
export abstract class DeviceControl {
  /** The interface's name, as the kernel gave it. */
  abstract readonly name: string
  /** Whether `close()` was called, or the signal aborted. */
  abstract readonly isClosed: boolean
  /** The number of queues that this object holds. */
  readonly queues: number

  readonly #native: NativeDevice
  readonly #watching: Watching
  readonly #calls = new InOrder()
  #last: NativeMoved | undefined

  /** @internal */
  constructor(native: NativeDevice, watching: Watching) {
    this.#native = native
    this.#watching = watching
    this.queues = native.info.queues
  }

  /**
   * Returns the current state of the interface from RTNETLINK, in any namespace: `ip -d -s link show`.
   *
   * Its `stats` are counters of the kernel, for all queues since the interface was created. The kernel transmits
   * the packets that are read here: `txDropped` counts packets that were not read in time, `rxDropped` written
   * packets that the stack refused.
   */
  async link(): Promise<Link> {
    return JSON.parse(await this.control('ask', (native) => native.link())) as Link
  }

  /** Returns the counters of this object. After the device is closed, they keep their last values. */
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

  /** Saves the counters before the device is closed. */
  protected keepStats(): void {
    this.#last = this.#native.moved()
  }

  /** Returns the current state of the device from the driver. */
  async settings(): Promise<DeviceSettings> {
    return this.control('ask', (native) => native.settings())
  }

  /**
   * Returns the current network namespace of the interface (`TUNGETDEVNETNS`, Linux 5.2). Needs `CAP_NET_ADMIN` in
   * it.
   */
  async namespace(): Promise<DeviceNamespace> {
    const { inode, name, isCurrent } = await this.control('ask', (native) => native.namespace())
    return { inode, isCurrent, ...(name === undefined ? {} : { name }) }
  }

  /** Sets whether the interface has a carrier (`TUNSETCARRIER`, Linux 5.0): `ip link set DEV carrier on`. */
  async setCarrier(hasCarrier: boolean): Promise<void> {
    const has = flag('carrier', hasCarrier)
    await this.control('set the carrier of', (native) => native.setCarrier(has))
  }

  /** Sets whether the device remains after its last queue is closed (`TUNSETPERSIST`). */
  async setPersistent(isPersistent: boolean): Promise<void> {
    const is = flag('persistent', isPersistent)
    await this.control('make persistent', (native) => native.setPersistent(is))
  }

  /** Sets the user, by name or number, who may attach to the device without privileges (`TUNSETOWNER`). */
  async setOwner(owner: string | number): Promise<void> {
    const id = checkId('user', owner)
    await this.control('set the owner of', (native) => native.setOwner(id))
  }

  /** Sets the group, by name or number, whose members may attach without privileges (`TUNSETGROUP`). */
  async setGroup(group: string | number): Promise<void> {
    const id = checkId('group', group)
    await this.control('set the group of', (native) => native.setGroup(id))
  }

  /**
   * Sets a loaded eBPF program (`BPF_PROG_TYPE_SOCKET_FILTER`) that returns how many bytes of each packet the
   * reader gets, 0 for none (`TUNSETFILTEREBPF`, Linux 4.16). The device keeps the program; `undefined` removes it.
   */
  async setEbpfFilter(fd: number | undefined): Promise<void> {
    const program = checkDescriptor(fd)
    await this.control('set the eBPF filter of', (native) => native.setEbpfFilter(program))
  }

  /**
   * Sets a loaded eBPF program that returns the queue of each packet, modulo the number of queues
   * (`TUNSETSTEERINGEBPF`, Linux 4.16). With `undefined` the driver chooses by flow.
   */
  async setEbpfSteering(fd: number | undefined): Promise<void> {
    const program = checkDescriptor(fd)
    await this.control('set the eBPF steering of', (native) => native.setEbpfSteering(program))
  }

  /**
   * Detaches a queue from the device (`TUNSETQUEUE`). Its flows move to the other queues, and the packets waiting
   * in it are lost. If no queue is left, packets are dropped and writes are refused with `ERR_TUN_DETACHED`.
   */
  async detachQueue(queue = 0): Promise<void> {
    await this.#setAttached(queue, false)
  }

  /** Attaches a queue that `detachQueue()` detached. */
  async attachQueue(queue = 0): Promise<void> {
    await this.#setAttached(queue, true)
  }

  /**
   * Runs the calls one after the other.
   *
   * @internal
   */
  protected control<T>(operation: string, work: (native: NativeDevice) => Promise<T>): Promise<T> {
    return this.#calls.run(async () => {
      if (this.isClosed) throw closedError(operation, this.name)
      try {
        return await work(this.#native)
      } catch (error) {
        throw fromNative(error)
      }
    })
  }

  async #setAttached(number: number, isAttached: boolean): Promise<void> {
    const queue = integer(0, this.queues - 1)('queue', number)
    await this.control(`${isAttached ? 'attach' : 'detach'} a queue of`, async (native) => {
      // Not used from now on: a detached queue only returns errors.
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
