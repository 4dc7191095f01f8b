import type { NativeInheritance, NativeRelay } from '#binding'
import { awaited, rethrown } from '../../errors.ts'
import { loadNativeNow } from '../../native/native.ts'
import type { QueueDescriptors } from './descriptors.ts'

/** The objects that a relay gets from the one that ran before it. */
export interface Inheritance {
  readonly queues: readonly QueueDescriptors[]
  /** The state of the other relay, as JSON. Default: the counters begin at 0. */
  readonly state?: string | undefined
  /** Whether the relay begins paused, because the other one still runs. */
  readonly isPaused: boolean
}

/** Returns what the relay continues with, if anything. */
export function inheritanceOf(
  inheritance: Inheritance | undefined,
  descriptors: readonly QueueDescriptors[] | undefined,
): Inheritance | undefined {
  return inheritance ?? (descriptors && { queues: descriptors, isPaused: false })
}

/** Returns the inheritance for the native layer. */
export function toNative(inheritance: Inheritance | undefined): NativeInheritance | undefined {
  if (!inheritance) return undefined
  const { queues, state, isPaused } = inheritance
  const lists = queues.map(({ device, sockets }) => ({ device, sockets: [...sockets] }))
  return { queues: lists, isPaused, ...(state === undefined ? {} : { state }) }
}

/**
 * Passes a running relay on to another process.
 *
 * @internal
 */
export class Passing {
  readonly #native: NativeRelay
  readonly #onRelease: () => void

  constructor(native: NativeRelay, onRelease: () => void) {
    this.#native = native
    this.#onRelease = onRelease
  }

  /** Duplicates the descriptors. The caller closes them. */
  descriptors(): QueueDescriptors[] {
    return rethrown(() => loadNativeNow().relayDescriptors(this.#native))
  }

  /**
   * Returns the state as JSON while the relay runs. The settings of the interface are recorded, and {@link reclaim} restores
   * them.
   */
  async offer(): Promise<string> {
    return awaited(loadNativeNow().offerRelay(this.#native))
  }

  /** Pauses the relay. Resolves to its state once no packet is left in it. */
  async pause(): Promise<string> {
    return awaited(loadNativeNow().pauseRelay(this.#native))
  }

  /** Lets a relay run that began paused, with the last state of the other one. */
  resume(state: string): void {
    rethrown(() => {
      loadNativeNow().resumeRelay(this.#native, state)
    })
  }

  /** Goes on after another process did not take over. */
  async reclaim(): Promise<void> {
    await awaited(loadNativeNow().reclaimRelay(this.#native))
  }

  /** Ends the paused relay. Nothing is removed: another process uses it. */
  release(): void {
    rethrown(() => {
      loadNativeNow().releaseRelay(this.#native)
    })
    this.#onRelease()
  }
}
