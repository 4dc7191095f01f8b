import { TunError } from '../../errors.ts'

/**
 * Packets of a batch that a stream has not passed on yet.
 *
 * They share memory with those that were passed on. The caller may have transferred that memory since then.
 */
export class WaitingPackets {
  readonly #name: string
  #packets: readonly Buffer[] = []
  #next = 0

  constructor(name: string) {
    this.#name = name
  }

  get hasNext(): boolean {
    return this.#next < this.#packets.length
  }

  set(packets: readonly Buffer[]): void {
    this.#packets = packets
    this.#next = 0
  }

  /**
   * Takes the next packet.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: its memory was transferred.
   */
  take(): Buffer {
    const packet = this.#packets[this.#next]
    if (packet === undefined || packet.length === 0)
      throw lostPackets(this.#name, this.#packets.length - this.#next)
    this.#next++
    return packet
  }
}

/** Returns the error of packets that were lost because their memory was transferred. */
export function lostPackets(name: string, packets: number): TunError {
  return new TunError(
    `read from ${name}: the memory of ${packets} packets that were read ahead was transferred; ` +
      'copy a packet before you transfer it: Uint8Array.from(packet)',
    { code: 'ERR_TUN_INVALID_ARGUMENT', subject: name },
  )
}
