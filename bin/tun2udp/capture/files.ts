import {
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { parse, join } from 'node:path'
import { TunError, codeOf, messageOf } from '../../../lib/errors.ts'
import { isPacket } from './blocks.ts'

/** A ring of files: the size of each, bytes, and their number. */
export interface Ring {
  readonly bytes: number
  readonly files: number
}

/** Writes blocks to a file, or to a ring of files. A file ends with a whole block. */
export class CaptureFiles {
  readonly #path: string
  readonly #overwrite: boolean
  readonly #ring: Ring | undefined
  readonly #paths: string[] = []
  /** The blocks before the first packet, with which each file begins. */
  #prologue: Buffer[] = []
  #hasPackets = false
  #number = 0
  #fd: number
  #size = 0

  /** @throws {TunError} the first file cannot be created. */
  constructor(path: string, overwrite: boolean, ring?: Ring) {
    this.#path = path
    this.#overwrite = overwrite
    this.#ring = ring
    this.#fd = this.#open()
  }

  /** Writes blocks; throws if that fails. */
  write(blocks: readonly Buffer[]): void {
    for (const block of blocks) {
      if (isPacket(block)) this.#hasPackets = true
      else if (!this.#hasPackets) this.#prologue.push(block)
      if (this.#ring && this.#hasPackets && this.#size + block.length > this.#ring.bytes) {
        // If the next file cannot be opened, this one stays open for close().
        const next = this.#open()
        closeSync(this.#fd)
        this.#fd = next
        for (const first of this.#prologue) this.#put(first)
      }
      this.#put(block)
    }
  }

  close(): void {
    closeSync(this.#fd)
  }

  #put(block: Buffer): void {
    let written = 0
    try {
      while (written < block.length) written += writeSync(this.#fd, block, written)
      this.#size += block.length
    } catch (cause) {
      if (fstatSync(this.#fd).isFile()) ftruncateSync(this.#fd, this.#size)
      throw failure(this.#paths.at(-1) ?? this.#path, cause)
    }
  }

  #open(): number {
    this.#number += 1
    const path = this.#ring ? numbered(this.#path, this.#number) : this.#path
    const isSpecial = statSync(path, { throwIfNoEntry: false })?.isFile() === false
    try {
      const fd = openSync(path, this.#overwrite || isSpecial ? 'w' : 'wx', 0o600)
      if (!isSpecial) fchmodSync(fd, 0o600)
      this.#size = 0
      this.#paths.push(path)
      if (this.#paths.length > (this.#ring?.files ?? Infinity)) {
        rmSync(this.#paths.shift() ?? '', { force: true })
      }
      return fd
    } catch (cause) {
      throw failure(path, cause)
    }
  }
}

/** Returns the path of a file of a ring, as the library names it. */
function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path)
  return join(dir, `${name}_${String(number).padStart(5, '0')}${ext}`)
}

function failure(path: string, cause: unknown): TunError {
  const exists = codeOf(cause) === 'EEXIST'
  const reason = exists ? 'it exists; choose another name, or add --overwrite' : messageOf(cause)
  return new TunError(
    `write the capture to ${path}: ${reason}`,
    { code: exists ? 'ERR_TUN_EXISTS' : 'ERR_TUN_SYSTEM', subject: path },
    { cause },
  )
}
